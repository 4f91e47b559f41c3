//! A killed reader's farewell that crosses the end on its way: the end was not had, and the job's output is not lost.

use std::process::{Command, Stdio};

/// Whether this process may have a network of its own, with a TCP in it that is not the system's.
fn is_possible() -> bool {
    let mut asked = Command::new("unshare");
    asked.args(["-n", "sh", "-c", "command -v ip && python3 -c 'open(\"/dev/net/tun\", \"r+b\", 0)'"]);
    asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

#[test]
fn a_farewell_that_acknowledges_nothing_of_the_end_is_none() {
    if !is_possible() {
        println!("skipped: this takes root, unshare (util-linux), ip (iproute2), Python 3 and /dev/net/tun");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile_clients/crossing.py");
    let mut peer = Command::new("unshare");
    peer.args(["-n", "python3", script, env!("CARGO_BIN_EXE_narrowcast")]).stdin(Stdio::null());
    let told = peer.output().expect("unshare was there a moment ago");
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    // Who had the end has the job forgotten; who had not can come back.
    let expected = ["acknowledged 404", "crossed 201"].repeat(3);
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}
