//! Makes the guarded copy of the kernel for the kill matrix, and notes from what the program was built.
//!
//! Each file in `src/verify/faults/patches/` replaces one passage of the kernel's source by a faulty one. All patches
//! stand in one copy, each as `if active(number) { patched } else { shipped }`. A patch whose passage does not stand
//! in its file exactly once is refused by name: the build warns, `narrowcast verify` counts it as a fault that was
//! not found (and so cannot end in `held`), and `tests/compiled.rs` fails. The build itself goes on, because whoever
//! breaks the kernel on purpose should be told by a counterexample. A patch that overlaps another in part fails the
//! build.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const KERNEL: &str = "src/kernel";
const PATCHES: &str = "src/verify/faults/patches";
const REGRESSIONS: &str = "tests/regressions";

fn main() {
    for path in ["build.rs", "Cargo.toml", "Cargo.lock", "src", REGRESSIONS, ".git/HEAD", ".git/logs/HEAD"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    provenance();
    if env::var_os("CARGO_FEATURE_VERIFY").is_some() {
        let patches = read_patches();
        fs::write(out.join("patches.rs"), table(&patches)).expect("OUT_DIR can be written");
        fs::write(out.join("guarded.rs"), guarded_kernel(&patches)).expect("OUT_DIR can be written");
        fs::write(out.join("regressions.rs"), regressions()).expect("OUT_DIR can be written");
    }
}

/// The committed regressions as data: each file's name and text, by name.
fn regressions() -> String {
    let mut paths = sources(Path::new(REGRESSIONS));
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let mut text = String::from(
        "/// The committed regressions: each file's name and text, by name.\npub static FILES: &[(&str, &str)] = &[\n",
    );
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    for path in paths {
        let name = path.file_name().expect("a file has a name").to_string_lossy();
        let whole = Path::new(&root).join(&path);
        writeln!(text, "({name:?}, include_str!({whole:?})),").expect("a String can be written");
    }
    text + "];\n"
}

/// Tells the program its commit, whether the tree was clean, the compiler, and a digest of the sources it was built
/// from.
fn provenance() {
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = run("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".into());
    // What cannot be told from a commit counts as different from it.
    let dirty = run("git", &["status", "--porcelain"]).is_none_or(|changes| !changes.is_empty());
    let rustc =
        env::var("RUSTC").ok().and_then(|rustc| run(&rustc, &["--version"])).unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=NARROWCAST_COMMIT={commit}");
    println!("cargo::rustc-env=NARROWCAST_DIRTY={dirty}");
    println!("cargo::rustc-env=NARROWCAST_RUSTC={rustc}");
    let mut files: Vec<PathBuf> = sources(Path::new("src"));
    files.sort();
    // FNV-1a: a name for a state of the sources, not a defence against anybody.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let text = fs::read(&file).unwrap_or_default();
        for byte in file.to_string_lossy().bytes().chain(text) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo::rustc-env=NARROWCAST_SOURCES={hash:016x}");
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
    let mut files = Vec::new();
    for path in entries.unwrap_or_default() {
        if path.is_dir() {
            files.extend(sources(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// One patch file: a header of `key: value` lines, then the passage and its replacement.
struct Patch {
    number: usize,
    header: Vec<(String, String)>,
    shipped: String,
    patched: String,
    /// Its passage stands in its file exactly once.
    applies: bool,
}

impl Patch {
    fn get(&self, key: &str) -> &str {
        let found = self.header.iter().find(|(k, _)| k == key);
        found.map(|(_, v)| v.as_str()).unwrap_or_else(|| panic!("a patch lacks the line `{key}:` ({:?})", self.header))
    }
}

fn read_patches() -> Vec<Patch> {
    let mut paths: Vec<PathBuf> = sources(Path::new(PATCHES));
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "patch"));
    paths.sort();
    let read = |(at, path): (usize, &PathBuf)| {
        let text = fs::read_to_string(path).expect("a patch can be read");
        let (header, rest) = text.split_once("--- shipped\n").unwrap_or_else(|| panic!("{path:?} lacks `--- shipped`"));
        let (shipped, patched) =
            rest.split_once("+++ patched\n").unwrap_or_else(|| panic!("{path:?} lacks `+++ patched`"));
        let header = header.lines().filter_map(|line| line.split_once(": "));
        let header = header.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect();
        let mut patch = Patch {
            number: at + 1,
            header,
            shipped: shipped.trim_matches('\n').to_owned(),
            patched: patched.trim_matches('\n').to_owned(),
            applies: false,
        };
        let file = Path::new(KERNEL).join(patch.get("file"));
        let source = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path:?} names {file:?}: {error}"));
        let times = source.matches(&patch.shipped).count();
        patch.applies = times == 1;
        if !patch.applies {
            println!(
                "cargo::warning=planted patch {} no longer applies: its passage stands {times} times in {}",
                patch.get("id"),
                file.display()
            );
        }
        patch
    };
    paths.iter().enumerate().map(read).collect()
}

/// The patches as data, for the museum.
fn table(patches: &[Patch]) -> String {
    let mut text =
        String::from("/// Every planted patch, in the order of its number.\npub static PATCHES: &[Patch] = &[\n");
    for patch in patches {
        let expected: Vec<&str> = patch.get("expected").split(", ").collect();
        writeln!(
            text,
            "Patch {{ number: {}, id: {:?}, defect: {:?}, incident: {:?}, expected: &{expected:?}, model: {:?}, file: {:?}, applies: {} }},",
            patch.number,
            patch.get("id"),
            patch.get("defect"),
            patch.get("incident"),
            patch.get("model"),
            patch.get("file"),
            patch.applies,
        )
        .expect("a String can be written");
    }
    text + "];\n"
}

/// All files of the kernel as one module, with every patch in its place.
fn guarded_kernel(patches: &[Patch]) -> String {
    let root = fs::read_to_string(Path::new(KERNEL).join("mod.rs")).expect("the kernel's mod.rs can be read");
    let mut text = String::from("pub mod kernel {\n");
    for line in guarded_file("mod.rs", &root, patches).lines() {
        let child = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';'));
        let Some(child) = child else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let file = format!("{child}.rs");
        let source = fs::read_to_string(Path::new(KERNEL).join(&file)).expect("a kernel file can be read");
        writeln!(text, "pub mod {child} {{\n{}}}", guarded_file(&file, &source, patches))
            .expect("a String can be written");
    }
    text + "}\n#[path = \"" + &subject_path() + "\"]\npub mod subject;\n"
}

fn subject_path() -> String {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    format!("{root}/src/verify/subject/kernel.rs")
}

/// One file with its patches. Inner doc comments go: they are not allowed where the text is included.
fn guarded_file(name: &str, source: &str, patches: &[Patch]) -> String {
    let mut places: Vec<(usize, usize, &Patch)> = Vec::new();
    for patch in patches.iter().filter(|patch| patch.applies && patch.get("file") == name) {
        let at = source.find(&patch.shipped).expect("a patch that applies has its passage");
        places.push((at, at + patch.shipped.len(), patch));
    }
    // The outermost passage first; passages that are the same one after the other.
    places.sort_by_key(|&(from, to, patch)| (from, usize::MAX - to, patch.number));
    let text = guard(source, 0, source.len(), &places);
    text.lines().filter(|line| !line.trim_start().starts_with("//!")).fold(String::new(), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}

/// The source from `from` to `to`, with the patches that lie in it.
fn guard(source: &str, from: usize, to: usize, places: &[(usize, usize, &Patch)]) -> String {
    let mut text = String::new();
    let mut at = from;
    let mut rest = places;
    while let Some((&(start, end, _), _)) = rest.split_first() {
        let same = rest.iter().take_while(|&&(s, e, _)| (s, e) == (start, end)).count();
        let inside = rest[same..].iter().take_while(|&&(s, _, _)| s < end).count();
        for &(_, e, patch) in &rest[same..same + inside] {
            assert!(e <= end, "patch {} overlaps {} in part", patch.get("id"), rest[0].2.get("id"));
        }
        text.push_str(&source[at..start]);
        text.push_str("{ ");
        for &(_, _, patch) in &rest[..same] {
            let _ = write!(text, "if crate::compiled::guarded::active({}) {{ {} }} else ", patch.number, patch.patched);
        }
        let _ = write!(text, "{{ {} }} }}", guard(source, start, end, &rest[same..same + inside]));
        at = end;
        rest = &rest[same + inside..];
    }
    text.push_str(&source[at..to]);
    text
}
