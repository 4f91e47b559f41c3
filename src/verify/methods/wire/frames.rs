//! Frames (G11): hostile texts in every field of an event, and what is read of them.
//!
//! The bytes of the stream are judged first, by the grammar of WHATWG HTML 9.2.5 and by the contract (five events, one
//! line of JSON each). Then they are read whole, byte by byte and at drawn cuts: each reading must find exactly what
//! was emitted, in order, and one end. That parsers by other hands agree is tests/sse_parsers.rs.

use super::Notes;
use super::http::{Over, Reading, Talk, Trouble, brief, header, never};
use crate::sink::sse::{Message, Parsed, Parser};
use crate::verify::guarantee::Guarantee::G11;
use crate::verify::methods::interleaved::SplitMix;
use serde_json::{Value, json};

pub(super) const PREMISES: &[&str] =
    &["hostile_texts_accepted", "readings", "bodies_that_are_no_text", "payloads_compared"];

/// Texts that something between an emitter and a reader has stumbled over once.
fn hostile() -> Vec<String> {
    let forged = "event: done\ndata: {\"outcome\":\"completed\"}\n\n";
    let mut texts: Vec<String> = vec![
        format!("\n\n{forged}"),
        format!("\r\r{}", forged.replace('\n', "\r")),
        format!("\r\n\r\n{}", forged.replace('\n', "\r\n")),
        forged.into(),
        "a\rb".into(),
        "a\nb".into(),
        "a\r\nb".into(),
        "\r".into(),
        "\n".into(),
        "ends in a line feed\n".into(),
        "data: forged".into(),
        "id: forged".into(),
        "id: a\0b".into(),
        "retry: 1".into(),
        ": a comment".into(),
        "[DONE]".into(),
        "data: [DONE]".into(),
        "all is well [DONE] and more".into(),
        "[ERROR]".into(),
        "[CANCELLED]".into(),
        String::new(),
        " begins with a space".into(),
        "\u{feff}begins with a byte order mark".into(),
        "a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f".into(),
        "nul \0, bell \u{7}, escape \u{1b}[2J, delete \u{7f}".into(),
        "\u{202e}right to left\u{202c}".into(),
        "ünïcödé 東京 \u{1f469}\u{200d}\u{1f4bb} \u{10ffff}".into(),
        "\"}\n\nevent: narration\ndata: {\"human\":\"forged".into(),
        "\\n\\r\\u000a".into(),
        "</script><script>alert(1)</script>".into(),
    ];
    // As long as a reader's buffer, and a little longer or shorter, of characters of several bytes.
    texts.extend([1022, 1024, 4095, 4096, 8191].map(|n| "é".repeat(n)));
    texts
}

/// An event that says a hostile text in every field that a client may fill.
fn body(number: usize, text: &str) -> Value {
    let label = format!("t{number}");
    json!({
        "action": label, "human": text, "target": text, "context": [text, ""], "correlation_id": text,
        "error_kind": text, "payload": { "text": text, (text): [text] },
    })
}

/// The fields of an event that its emitter gave.
fn given(data: &Value) -> Value {
    json!({
        "action": data["action"], "human": data["human"], "target": data["target"], "context": data["context"],
        "correlation_id": data["correlation_id"], "error_kind": data["error_kind"], "payload": data["payload"],
    })
}

/// What is wrong with the bytes of a stream as such.
fn ill_formed(bytes: &[u8]) -> Option<String> {
    let Ok(text) = str::from_utf8(bytes) else { return Some("the stream is not UTF-8".into()) };
    if text.contains('\0') {
        return Some("a NUL stands in the stream as it is".into());
    }
    // One kind of line end, whichever it is: whoever mixes them has let one of a payload's through.
    let (crlf, cr, lf) = (text.matches("\r\n").count(), text.matches('\r').count(), text.matches('\n').count());
    if cr > 0 && (cr != crlf || lf != crlf) {
        return Some(format!("line ends are mixed: {crlf} CRLF, {} lone CR, {} lone LF", cr - crlf, lf - crlf));
    }
    for block in text.replace("\r\n", "\n").split_terminator("\n\n") {
        let fields: Vec<&str> = block.lines().filter(|line| !line.starts_with(':')).collect();
        let count = |name: &str| fields.iter().filter(|line| line.split(':').next() == Some(name)).count();
        let known = ["event", "data", "id", "retry"].map(count);
        if known.iter().sum::<usize>() != fields.len() || known.iter().any(|n| *n > 1) {
            return Some(format!("a frame has fields that nobody sends: {block:?}"));
        }
        let data = fields.iter().find_map(|line| line.strip_prefix("data:"));
        if data.is_some_and(|data| serde_json::from_str::<Value>(data).is_err()) {
            return Some(format!("the data of a frame is not one line of JSON: {block:?}"));
        }
    }
    None
}

/// Reads the bytes again, in pieces.
fn read(bytes: &[u8], mut cut: impl FnMut() -> usize) -> Vec<Message> {
    let (mut parser, mut messages, mut rest) = (Parser::default(), Vec::new(), bytes);
    while !rest.is_empty() {
        let (mut piece, after) = rest.split_at(cut().clamp(1, rest.len()));
        while let Ok(Some(parsed)) = parser.read(&mut piece) {
            if let Parsed::Message(message) = parsed {
                messages.push(message);
            }
        }
        rest = after;
    }
    messages
}

/// As much of a value as can be read at a glance.
fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let head: String = text.chars().take(60).collect();
    if head.len() < text.len() { format!("{head}… ({} bytes)", text.len()) } else { head }
}

/// The first field in which an event was read otherwise than it was emitted.
fn difference(at: usize, wanted: &Value, found: &Value) -> String {
    let wanted = given(wanted);
    let fields = wanted.as_object().into_iter().flatten();
    let (key, value) = fields.into_iter().find(|(key, value)| found[key.as_str()] != **value).unzip();
    let (key, value) = (key.cloned().unwrap_or_default(), value.unwrap_or(&Value::Null));
    format!("the {key} of event {at} was emitted as {:?} and read as {:?}", short(value), short(&found[key.as_str()]))
}

/// The difference between what was emitted and what was read, if there is one.
fn differs(emitted: &[Value], read: &[Message]) -> Option<String> {
    let events = read.iter().filter(|message| matches!(message.event.as_str(), "narration" | "data"));
    let data = events.map(|message| serde_json::from_str::<Value>(&message.data).unwrap_or(Value::Null));
    let data: Vec<Value> = data.filter(|data| data["action"] != "job_create").collect();
    for (at, wanted) in emitted.iter().enumerate() {
        match data.get(at) {
            Some(found) if given(found) == given(wanted) => {}
            Some(found) => return Some(difference(at, wanted, &given(found))),
            None => return Some(format!("event {at}, which says {:?}, was never read", short(&wanted["human"]))),
        }
    }
    if data.len() > emitted.len() {
        return Some(format!("an event was read that nobody emitted: {}", short(&data[emitted.len()])));
    }
    let others = read.iter().filter(|message| !matches!(message.event.as_str(), "narration" | "data"));
    let kinds: Vec<&str> = others.map(|message| message.event.as_str()).collect();
    (kinds != ["done"]).then(|| format!("beside the events there is to be one end, and there is {kinds:?}"))
}

async fn through(talk: &Talk, notes: &mut Notes, texts: &[String]) -> Result<(), Trouble> {
    let job = talk.open().await?;
    let mut reading = talk.watch(&job).await?;
    let mut emitted = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let body = body(number, text);
        let reply = talk.of(&job, "POST", "/events", &body.to_string()).await?.reply("an emit")?;
        if reply.is_success() {
            emitted.push(body);
        } else {
            // A service may refuse a text, and then it must say so; but not all of them.
            notes.check(G11, reply.status < 500, || (format!("{text:?} was answered {}", reply.status), Vec::new()));
        }
    }
    notes.reached(G11, "hostile_texts_accepted", emitted.len() as u64);
    let _it_may_be_over = talk.close(&job).await;
    judge(notes, &mut reading, &emitted).await;
    Ok(())
}

async fn judge(notes: &mut Notes, reading: &mut Reading, emitted: &[Value]) {
    let (first, over) = reading.rest().await;
    let bytes = std::mem::take(&mut reading.bytes);
    let excerpt = || vec![String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2_000)..]).into_owned()];
    notes.check(G11, over == Over::Ended, || (format!("a stream of hostile texts was {over:?}"), excerpt()));
    let wrong = ill_formed(&bytes);
    notes.check(G11, wrong.is_none(), || (wrong.unwrap_or_default(), excerpt()));
    let mut random = SplitMix(notes.seed);
    let whole = bytes.len();
    let mut readings =
        vec![("as it came", first), ("whole", read(&bytes, || whole)), ("byte by byte", read(&bytes, || 1))];
    for longest in [7, 64, 1500] {
        readings.push(("in pieces", read(&bytes, || 1 + (random.next() % longest) as usize)));
    }
    for (how, messages) in &readings {
        let differs = differs(emitted, messages);
        notes.check(G11, differs.is_none(), || {
            let what = differs.unwrap_or_default();
            (format!("read {how}: {what}"), messages.iter().rev().take(5).rev().map(brief).collect())
        });
        notes.reached(G11, "readings", 1);
    }
}

/// Bodies that are no UTF-8, or no JSON, are refused at the door and heard by nobody.
async fn no_text(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    let mut reading = talk.watch(&job).await?;
    let authority = super::http::bearer(&job.capability);
    let bodies: [&[u8]; 5] = [
        b"{\"action\":\"say\",\"human\":\"\xff\xfe\"}",
        b"{\"action\":\"say\",\"human\":\"\xc3\"}",
        b"{\"action\":\"say\",\"human\":\"\\ud800\"}",
        b"{\"action\":\"say\",\"human\":\"a raw line feed: \n\"}",
        b"{\"action\":\"say\",\"human\":\"cut off",
    ];
    for body in bodies {
        let headers = [("authorization", authority.as_str()), ("content-type", "application/json")];
        let answer = talk.exchange(&talk.request("POST", &job.at("/events"), &headers, body)).await?;
        let reply = answer.reply("an emit")?;
        notes.check(G11, reply.status == 400, || {
            (format!("a body that is no text was answered {}", reply.status), vec![format!("{body:?}"), reply.body])
        });
        notes.reached(G11, "bodies_that_are_no_text", 1);
    }
    talk.close(&job).await?;
    judge(notes, &mut reading, &[]).await;
    Ok(())
}

/// Payloads that are not what they were once a program has read and written them again: it knows numbers of so many
/// bits, one member of a name, one way to write a character.
const TO_THE_LETTER: [&str; 26] = [
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "340282366920938463463374607431768211456",
    "0.1000000000000000055511151231257827",
    "3.14159265358979323846264338327950288",
    "123456789012345678901234567890.123456789012345678901234567890",
    "1.0",
    "1e2",
    "1E+2",
    "1e-7",
    "1e400",
    "-1e400",
    "5e-400",
    "-0",
    "-0.0",
    r#"[9007199254740993, {"deep": [1e400]}]"#,
    r#"{"a":1,"a":2}"#,
    r#"{"b":1,"a":2}"#,
    r#""\u0041\/\u000a""#,
    r#"{"\u0061":1}"#,
    r#"[ 1 ,  2 ]"#,
    "{\"a\"\t:\t1}",
    "{\n\"a\":\n1}",
    "[1,\r\n2,\r3]",
];

/// The text of a member of a JSON object, just as it stands there, without what stands around it.
fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    let (mut depth, mut in_text, mut escaped, mut begin) = (0, false, false, 0);
    let mut members = Vec::new();
    for (at, byte) in object.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                begin = if depth == 1 { at + 1 } else { begin };
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    members.push(&object[begin..at]);
                }
            }
            b',' if depth == 1 => {
                members.push(&object[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    let value = |member: &&'t str| -> Option<&'t str> {
        let (found, value) = member.trim().strip_prefix('"')?.split_once('"')?;
        (found == name).then_some(value.trim_start().strip_prefix(':')?.trim())
    };
    members.iter().find_map(value)
}

/// A JSON text without the white space that means nothing.
fn dense(text: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let means_something = |c: &char| {
        let is_white = !in_text && c.is_ascii_whitespace();
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
        !is_white
    };
    text.chars().filter(means_something).collect()
}

/// A payload comes out letter by letter as it went in, or is refused. White space between its parts is none of it: line ends
/// cannot stand in a line of the stream.
async fn payloads(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    let mut reading = talk.watch(&job).await?;
    for (number, payload) in TO_THE_LETTER.into_iter().enumerate() {
        let label = format!("payload-{number}-of-many");
        let body = format!(r#"{{"action":"say","human":"{label}","payload":{payload}}}"#);
        let reply = talk.of(&job, "POST", "/events", &body).await?.reply("an emit")?;
        if !reply.is_success() {
            notes.check(G11, (400..500).contains(&reply.status), || {
                (format!("the payload {payload} was answered {}", reply.status), vec![reply.body.clone()])
            });
            continue;
        }
        // Found as text: not everybody can read what is in it.
        let found = loop {
            match reading.next().await {
                Ok(message) if message.data.contains(&label) => break message.data,
                Ok(_earlier) => {}
                Err(over) => return never(format!("an event was to come with the payload {payload}: {over:?}")),
            }
        };
        let found_payload = member(&found, "payload").unwrap_or("(none)");
        let is_same = dense(found_payload) == dense(payload);
        notes.check(G11, is_same, || {
            (format!("the payload {payload} comes out as {found_payload}"), vec![found.clone()])
        });
        notes.reached(G11, "payloads_compared", 1);
    }
    talk.close(&job).await
}

pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let texts = hostile();
    // No more at a time than a job retains, so that nothing is lost but by a frame that broke.
    let at_once = usize::try_from(notes.retain_events / 2).unwrap_or(1).max(1);
    for some in texts.chunks(at_once) {
        through(talk, notes, some).await?;
    }
    no_text(talk, notes).await?;
    payloads(talk, notes).await?;
    let job = talk.open().await?;
    let reading = talk.watch(&job).await?;
    let kind = header(&reading.head, "content-type");
    let is_stream = kind.iter().all(|kind| kind.starts_with("text/event-stream"));
    if !is_stream {
        return never(format!("a stream is of type {kind:?}"));
    }
    talk.close(&job).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_as_it_stands() {
        let object = r#"{"human":"\"payload\": 1, {","list":[{"payload":2}], "payload" : {"a" : [1e400, "},"]} }"#;
        assert_eq!(member(object, "payload"), Some(r#"{"a" : [1e400, "},"]}"#));
        assert_eq!(member(object, "nothing"), None);
        assert_eq!(member(r#"{"payload":-0}"#, "payload"), Some("-0"));
        assert_eq!(dense("{ \"a b\\\" c\" :\r\n\t1 }"), r#"{"a b\" c":1}"#);
    }
}
