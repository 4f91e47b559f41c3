//! Addresses, and what they belong to.

use super::error::InvalidClient;
use hyper::Uri;
use std::fmt;

/// Scheme, host and port: what a capability is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    /// In lower case; an IPv6 address is in brackets.
    host: String,
    port: u16,
}

impl Origin {
    /// Whether the address says `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host: a name or an address, without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// As the header `Host` has it: without the scheme's own port.
    pub(super) fn authority(&self) -> String {
        match (self.secure, self.port) {
            (false, 80) | (true, 443) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

/// A whole address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) origin: Origin,
    /// From the first `/`, with the query.
    pub(super) path: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Url, InvalidClient> {
        let uri: Uri = text.parse().map_err(|_| InvalidClient::Url)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(InvalidClient::Url);
        };
        if authority.as_str().contains('@') {
            return Err(InvalidClient::UserInfo);
        }
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(InvalidClient::Url),
        };
        let port = match (authority.port_u16(), authority.as_str().rsplit_once(':')) {
            (Some(port), _) => port,
            // A port that is none, such as 99999, must not be taken for a port that is not there.
            (None, Some((_, after))) if !after.is_empty() && !after.ends_with(']') => return Err(InvalidClient::Url),
            (None, _) => [80, 443][usize::from(secure)],
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        // `http://host?query` has a path too: the empty one, which a request line cannot say.
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Url { origin: Origin { secure, host: authority.host().to_ascii_lowercase(), port }, path })
    }

    /// Where a `Location` leads from here.
    pub(super) fn join(&self, location: &str) -> Result<Url, InvalidClient> {
        match location {
            _ if location.starts_with("//") => Url::parse(&format!("{}:{location}", self.origin.scheme())),
            _ if location.starts_with('/') => Url::parse(&format!("{}{location}", self.origin)),
            _ => Url::parse(location),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidClient, Url};

    fn parts(text: &str) -> Result<(String, String), InvalidClient> {
        Url::parse(text).map(|url| (url.origin.to_string(), url.path))
    }

    fn ok(origin: &str, path: &str) -> Result<(String, String), InvalidClient> {
        Ok((origin.to_owned(), path.to_owned()))
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(parts("http://h/a?b=c#d"), ok("http://h", "/a?b=c"));
        assert_eq!(parts("HTTP://Host:80"), ok("http://host", "/"));
        assert_eq!(parts("https://h:443/x"), ok("https://h", "/x"));
        assert_eq!(parts("https://h:80/x"), ok("https://h:80", "/x"));
        assert_eq!(parts("http://[::1]:7/x"), ok("http://[::1]:7", "/x"));
        assert_eq!(parts("http://[::1]"), ok("http://[::1]", "/"));
        assert_eq!(Url::parse("http://[::1]:7/").map(|url| url.origin.host().to_owned()), Ok("::1".to_owned()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "/x", "h/x", "ftp://h/", "http://", "http://h:99999/", "http://h:x/", "http://h/a b", "http:/h"]
        {
            assert_eq!(Url::parse(text), Err(InvalidClient::Url), "{text}");
        }
        assert_eq!(Url::parse("http://me:secret@h/"), Err(InvalidClient::UserInfo));
    }

    #[test]
    fn locations_are_joined() {
        let here = Url::parse("http://h:7/a").expect("an address");
        let joined = |location: &str| here.join(location).map(|url| (url.origin.to_string(), url.path));
        assert_eq!(joined("/b?c"), ok("http://h:7", "/b?c"));
        assert_eq!(joined("//other/b"), ok("http://other", "/b"));
        assert_eq!(joined("https://h:7/b"), ok("https://h:7", "/b"));
        assert_eq!(joined("b"), Err(InvalidClient::Url));
    }
}
