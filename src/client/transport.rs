//! From an address to a stream that is open: connect, ask, look at the head of the answer.

use super::error::{Error, Lost};
use super::origin::{Origin, Url};
use super::{Settings, Timeouts};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How many redirects are followed in one attempt.
const MOST_REDIRECTS: usize = 5;
/// How much is read of what a server says with a refusal.
const LONGEST_REASON: usize = 4096;

/// A way to the other side. [`Tcp`] is the default; with one of your own, a client speaks TLS, or through a proxy.
pub trait Connect: Send + Sync {
    /// Whether what it connects with is protected (TLS). Addresses that say `https` are given to such connectors only,
    /// and all others to the others.
    fn is_secure(&self) -> bool {
        false
    }

    /// Connects. An error is met with a further attempt, later.
    fn connect<'a>(&'a self, origin: &'a Origin) -> Connecting<'a>;
}

/// A connection in the making. Dropped, it is given up.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send + 'a>>;

/// What a connection can do.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Plain TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Connect for Tcp {
    fn connect<'a>(&'a self, origin: &'a Origin) -> Connecting<'a> {
        Box::pin(async move {
            let stream = TcpStream::connect((origin.host(), origin.port())).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

/// Why there is no stream.
pub(super) enum Failure {
    /// Another attempt may do better.
    Lost(Lost),
    /// None would.
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Final(error)
    }
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Failure {
        Failure::Lost(lost)
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Failure {
        // Its own text says what it was doing, the source's what went wrong.
        let source = std::error::Error::source(&error).map(|source| format!(" ({source})"));
        Failure::Lost(Lost::Broken(format!("{error}{}", source.unwrap_or_default())))
    }
}

type Connection = http1::Connection<TokioIo<Box<dyn Io>>, String>;

/// A connection whose answer has begun. It is driven by whoever reads from it, so that there is no task to outlive it.
pub(super) struct Answer {
    /// `None` once it has ended.
    connection: Option<Pin<Box<Connection>>>,
    body: Incoming,
}

impl Answer {
    /// The next bytes of the body; `None` at its end. Never empty.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            // The connection is polled first, for it is what fills the body. If it has just ended, the body has still
            // to be read, and says whether it was whole.
            if self.connection.as_mut().is_some_and(|connection| connection.as_mut().poll(cx).is_ready()) {
                self.connection = None;
            }
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                    // Trailers, and chunks of nothing.
                    Ok(_) | Err(_) => {}
                },
            }
        }
    }

    /// Puts the beginning of the body into `said`, as it comes.
    async fn read_reason(&mut self, said: &mut Vec<u8>) {
        while said.len() < LONGEST_REASON
            && let Some(Ok(chunk)) = poll_fn(|cx| self.poll_chunk(cx)).await
        {
            said.extend_from_slice(&chunk[..chunk.len().min(LONGEST_REASON - said.len())]);
        }
    }
}

/// The head of an answer that will not change for being asked again.
enum Asked {
    Stream(Answer),
    Refusal(StatusCode, Answer),
}

/// Opens the stream, after this position, within the time that is allowed for it.
pub(super) async fn open(settings: Arc<Settings>, position: String) -> Result<Answer, Failure> {
    let Timeouts { open, .. } = settings.timeouts;
    match timeout(open, follow(&settings, &position)).await {
        Ok(Ok(Asked::Stream(answer))) => Ok(answer),
        Ok(Ok(Asked::Refusal(status, mut answer))) => {
            let mut said = Vec::new();
            // The status is the answer. What is said with it may take as long again, and may break off.
            let _ = timeout(open, answer.read_reason(&mut said)).await;
            let text = String::from_utf8_lossy(&said).into_owned();
            Err(Error::Refused { status: status.as_u16(), text }.into())
        }
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Lost::Silent(open).into()),
    }
}

/// Asks, and asks again where the answer points, as long as that is the same origin.
async fn follow(settings: &Settings, position: &str) -> Result<Asked, Failure> {
    let mut url = settings.url.clone();
    if url.origin.is_secure() != settings.connect.is_secure() {
        return Err(Error::Scheme { scheme: url.origin.scheme() }.into());
    }
    for _ in 0..=MOST_REDIRECTS {
        let (status, headers, answer) = ask(settings, &url, position).await?;
        match status {
            StatusCode::OK => return look(&headers).map(|()| Asked::Stream(answer)).map_err(Failure::Final),
            StatusCode::NO_CONTENT => return Err(Error::NoContent.into()),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => url = within(&url, headers.get(header::LOCATION))?,
            // Too slow, or too many just now (a stream that broke may still be counted): that passes.
            status
                if status.is_server_error()
                    || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) =>
            {
                return Err(Lost::Unavailable(status.as_u16()).into());
            }
            status => return Ok(Asked::Refusal(status, answer)),
        }
    }
    Err(Error::Circles(MOST_REDIRECTS).into())
}

/// Where a redirect leads, if that is within the same origin.
fn within(url: &Url, location: Option<&HeaderValue>) -> Result<Url, Error> {
    let to = location.and_then(|location| url.join(location.to_str().ok()?).ok());
    match to {
        Some(to) if to.origin == url.origin => Ok(to),
        to => Err(Error::Redirected { to: to.map(|to| to.origin) }),
    }
}

/// One request, up to the head of its answer.
async fn ask(settings: &Settings, url: &Url, position: &str) -> Result<(StatusCode, HeaderMap, Answer), Failure> {
    let connected = settings.connect.connect(&url.origin).await;
    let io = connected.map_err(|error| Lost::Unreachable(error.to_string()))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
    let mut connection = Some(Box::pin(connection));
    let mut response = pin!(sender.send_request(request(settings, url, position)));
    let response: Response<Incoming> = poll_fn(|cx| {
        if let Some(driven) = &mut connection
            && driven.as_mut().poll(cx).is_ready()
        {
            // What became of it, the response knows too.
            connection = None;
        }
        response.as_mut().poll(cx)
    })
    .await?;
    let (head, body) = response.into_parts();
    Ok((head.status, head.headers, Answer { connection, body }))
}

fn request(settings: &Settings, url: &Url, position: &str) -> Request<String> {
    let mut request = Request::new(String::new());
    // Parts of an address that was parsed as a whole, and a position that the watch has seen to be fit for a header:
    // none of the fallbacks is ever taken.
    *request.uri_mut() = url.path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::try_from(url.origin.authority()).unwrap_or(HeaderValue::from_static("")));
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(capability) = &settings.capability {
        headers.insert(header::AUTHORIZATION, capability.clone());
    }
    if let Ok(position) = HeaderValue::try_from(position)
        && !position.is_empty()
    {
        headers.insert("last-event-id", position);
    }
    request
}

/// Whether the answer is an event stream, as it stands.
fn look(headers: &HeaderMap) -> Result<(), Error> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let was = headers.get(header::CONTENT_TYPE).map(text);
    let essence = was.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/event-stream") {
        return Err(Error::ContentType { was });
    }
    match headers.get(header::CONTENT_ENCODING).map(text) {
        Some(was) if !was.eq_ignore_ascii_case("identity") => Err(Error::ContentEncoding { was }),
        _ => Ok(()),
    }
}
