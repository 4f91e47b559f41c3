//! A proxy with one leak: it changes one frame of all that pass, and nothing else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// What is done, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leak {
    /// Nothing.
    None,
    /// Two streams of two jobs get each other's event.
    Swap,
    Drop,
    Repeat,
    /// An event comes after the one that follows it.
    Reorder,
    /// One field of an event is another.
    Alter,
    /// An event is counted as lost, and comes.
    Overcount,
    /// Two events are lost, and one is counted.
    CountOneOfTwo,
    EndTwice,
    /// With another outcome.
    EndOtherwise,
    /// Without its `done`.
    EndSilently,
    /// The connection breaks.
    CutOff,
}

/// How far the leak is.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Due,
    /// This frame of this stream is held back.
    Held(Stream, String),
    /// This stream gets this frame before its next.
    Owed(Stream, String),
    Over,
}

/// The job's path, and which of all streams.
type Stream = (String, usize);

pub(crate) struct Proxy(TcpListener);

impl Proxy {
    pub(crate) async fn bind() -> Proxy {
        Proxy(TcpListener::bind("127.0.0.1:0").await.expect("there is a free port"))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it has an address")
    }

    /// Runs for as long as it is polled.
    pub(crate) async fn run(self, back: SocketAddr, leak: Leak) {
        let stage = Arc::new(Mutex::new(Stage::default()));
        for number in 0.. {
            let (client, _) = self.0.accept().await.expect("there are descriptors");
            let tampering = Tampering { leak, stage: Arc::clone(&stage), stream: (String::new(), number) };
            tokio::spawn(carry(client, back, tampering));
        }
    }
}

/// Reads up to the blank line, and answers it with all that came behind.
async fn head(socket: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut come = Vec::new();
    loop {
        if let Some(end) = come.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = come.split_off(end + 4);
            return Some((String::from_utf8(come).expect("a head is text"), rest));
        }
        if socket.read_buf(&mut come).await.ok()? == 0 {
            return None;
        }
    }
}

async fn carry(mut client: TcpStream, back: SocketAddr, mut tampering: Tampering) -> Option<()> {
    let (asked, behind) = head(&mut client).await?;
    let mut server = TcpStream::connect(back).await.ok()?;
    server.write_all(asked.as_bytes()).await.ok()?;
    server.write_all(&behind).await.ok()?;
    let path = asked.split(' ').nth(1)?;
    if !(asked.starts_with("GET ") && path.ends_with("/stream")) {
        copy_bidirectional(&mut client, &mut server).await.ok()?;
        return Some(());
    }
    tampering.stream.0 = path.to_owned();
    let (answered, mut coded) = head(&mut server).await?;
    client.write_all(answered.as_bytes()).await.ok()?;
    let mut text = String::new();
    loop {
        while let Some((chunk, used)) = chunk(&coded) {
            text.push_str(chunk);
            let is_last = chunk.is_empty();
            coded.drain(..used);
            while let Some(end) = text.find("\n\n") {
                let frame: String = text.drain(..end + 2).collect();
                for frame in tampering.passes(frame)? {
                    client.write_all(format!("{:x}\r\n{frame}\r\n", frame.len()).as_bytes()).await.ok()?;
                }
            }
            if is_last {
                client.write_all(b"0\r\n\r\n").await.ok()?;
                return client.shutdown().await.ok();
            }
        }
        if server.read_buf(&mut coded).await.ok()? == 0 {
            return None;
        }
    }
}

/// The first chunk, if it is whole, and how many bytes it took.
fn chunk(coded: &[u8]) -> Option<(&str, usize)> {
    let line = coded.windows(2).position(|window| window == b"\r\n")?;
    let size = usize::from_str_radix(str::from_utf8(&coded[..line]).expect("a size is text"), 16).expect("a size");
    let chunk = coded.get(line + 2..line + 2 + size + 2)?;
    Some((str::from_utf8(&chunk[..size]).expect("a stream is text"), line + 2 + size + 2))
}

struct Tampering {
    leak: Leak,
    stage: Arc<Mutex<Stage>>,
    stream: Stream,
}

impl Tampering {
    /// What is sent in place of this frame; `None` to break off.
    fn passes(&self, frame: String) -> Option<Vec<String>> {
        let mut stage = self.stage.lock().expect("nobody panics with it");
        let is_event = frame.contains(r#""human":"load "#);
        let is_end = frame.starts_with("event: done");
        let frames = match (std::mem::take(&mut *stage), self.leak) {
            (Stage::Due, Leak::Drop) if is_event => vec![],
            (Stage::Due, Leak::Repeat) if is_event => vec![frame.clone(), frame],
            (Stage::Due, Leak::Alter) if is_event => {
                let altered = frame.replace(r#""level":"info""#, r#""level":"warn""#);
                assert_ne!(altered, frame, "there is a level to alter");
                vec![altered]
            }
            (Stage::Due, Leak::Overcount) if is_event => {
                vec!["event: lagged\ndata: {\"lagged\":1}\n\n".to_owned(), frame]
            }
            (Stage::Due, Leak::CutOff) if is_event => {
                *stage = Stage::Over;
                return None;
            }
            (Stage::Due, Leak::EndTwice) if is_end => vec![frame.clone(), frame],
            (Stage::Due, Leak::EndSilently) if is_end => vec![],
            (Stage::Due, Leak::EndOtherwise) if is_end => {
                // The jobs of this test are closed as completed, failed and cancelled.
                vec!["event: done\ndata: {\"outcome\":\"abandoned\"}\n\n".to_owned()]
            }
            (Stage::Due, Leak::Swap | Leak::Reorder | Leak::CountOneOfTwo) if is_event => {
                *stage = Stage::Held(self.stream.clone(), frame);
                return Some(vec![]);
            }
            (Stage::Held(stream, _lost), Leak::CountOneOfTwo) if is_event && stream == self.stream => {
                vec!["event: lagged\ndata: {\"lagged\":1}\n\n".to_owned()]
            }
            (Stage::Held(stream, held), Leak::Reorder) if is_event && stream == self.stream => vec![frame, held],
            (Stage::Held(stream, held), Leak::Swap) if is_event && stream.0 != self.stream.0 => {
                *stage = Stage::Owed(stream, frame);
                return Some(vec![held]);
            }
            (Stage::Owed(stream, owed), Leak::Swap) if is_event && stream == self.stream => vec![owed, frame],
            (before, _) => {
                *stage = before;
                return Some(vec![frame]);
            }
        };
        *stage = Stage::Over;
        Some(frames)
    }
}
