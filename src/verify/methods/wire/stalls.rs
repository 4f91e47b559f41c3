//! A reader that stalls amid its stream while its job goes on (G6): what it missed is counted to it at its place,
//! exactly, between what it had before and what it has afterwards.

use super::Notes;
use super::http::{Reading, Talk, Trouble, brief, said};
use crate::sink::sse::Message;
use crate::verify::guarantee::Guarantee::G6;
use serde_json::Value;

/// How often the job speaks meanwhile. The first is more than what systems hold for a connection unless they are told
/// otherwise (some 4 MiB), and what is retained; where it is not, there is more.
const FLOODS: [u64; 2] = [400, 1_600];

/// Some bytes below the limit of an event, so that what lies between is soon full.
const LONG: usize = 24_000;

/// An account of a stream: which event is due, and what was wrong first.
struct Account {
    due: u64,
    /// A marker came, and no event yet after it.
    lagged: bool,
    /// A marker came between two deliveries.
    between: bool,
    wrong: Option<String>,
}

impl Account {
    fn takes(&mut self, message: &Message) {
        let text = said(message);
        let number = text.split(' ').next().and_then(|number| number.parse::<u64>().ok());
        match (message.event.as_str(), number) {
            ("lagged", _) => {
                let data: Value = serde_json::from_str(&message.data).unwrap_or(Value::Null);
                self.due += data["lagged"].as_u64().unwrap_or(0);
                self.lagged = true;
            }
            ("narration", Some(number)) => {
                if number != self.due {
                    let due = self.due;
                    self.wrong.get_or_insert_with(|| format!("event {due} is due, and event {number} comes"));
                }
                self.due = number + 1;
                self.between |= std::mem::take(&mut self.lagged);
            }
            (kind, _) => {
                self.wrong.get_or_insert_with(|| format!("{kind:?} comes, which nobody sent"));
            }
        }
    }

    /// Reads a stream up to the end of its job.
    async fn reads(&mut self, reading: &mut Reading, evidence: &mut Vec<String>) {
        loop {
            match reading.next().await {
                Ok(message) if message.event == "done" => return,
                Ok(message) => {
                    evidence.push(brief(&message).chars().take(120).collect());
                    self.takes(&message);
                }
                Err(over) => {
                    self.wrong.get_or_insert_with(|| format!("the stream is {over:?} before the end of its job"));
                    return;
                }
            }
        }
    }
}

/// Answers whether the reader lagged between two deliveries.
async fn stalled(talk: &Talk, notes: &mut Notes, flood: u64) -> Result<bool, Trouble> {
    let job = talk.open().await?;
    let mut reading = talk.watch_through_little(&job).await?;
    talk.say(&job, "before").await?;
    reading.until("before").await?;
    let filler = "x".repeat(LONG);
    for number in 0..flood {
        talk.say(&job, &format!("{number} {filler}")).await?;
    }
    talk.close(&job).await?;
    let mut account = Account { due: 0, lagged: false, between: false, wrong: None };
    let mut evidence = Vec::new();
    account.reads(&mut reading, &mut evidence).await;
    let missing = (account.due != flood).then(|| format!("{} of {flood} events are accounted for", account.due));
    let wrong = account.wrong.or(missing);
    notes.check(G6, wrong.is_none(), || {
        let what = format!("a reader stalled while its job spoke {flood} times: {}", wrong.unwrap_or_default());
        (what, evidence)
    });
    Ok(account.between)
}

/// Once for all rounds: a flood takes its time.
pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    for flood in FLOODS {
        if stalled(talk, notes, flood).await? {
            notes.reached(G6, "lagged_between_deliveries", 1);
            break;
        }
    }
    Ok(())
}
