//! All that is decided by the rules of Open Cloud Mesh, asked of Portcullis. What the rest of the server knows of rules stands here.
//!
//! The component is asked in JSON text, operations `ocm.*` (docs/ocm.md). An instance answers one question at a time and stays on the
//! thread that made it, so it has a thread of its own.

use std::path::Path;
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use portcullis_host::{Runtime, TextDoor, components_dir};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

/// What answers one line with one line; the number is the time, in seconds since 1970. An error says that there is no answer.
pub type Answers = Box<dyn FnMut(&[u8], u64) -> Result<String, String>>;

/// Why something does not go.
#[derive(Debug)]
pub enum Refused {
    /// It is refused.
    No {
        /// The stable code.
        code: String,
        /// What was met. It holds no secret.
        detail: String,
        /// The HTTP status that answers it, where the rules say one.
        status: Option<u16>,
        /// The error of OAuth that answers it, for a token request.
        oauth_error: Option<String>,
    },
    /// Nobody can know: the component failed, or was asked wrongly.
    Unknown(String),
}

struct Asked {
    line: Vec<u8>,
    reply: oneshot::Sender<Result<String, String>>,
}

/// Who decides.
#[derive(Debug, Clone)]
pub struct Decisions {
    asks: mpsc::Sender<Asked>,
}

/// A request that came in, as it is judged.
#[derive(Debug)]
pub struct Came<'c> {
    /// Its method.
    pub method: &'c str,
    /// Its URL, as the other server has it.
    pub url: &'c str,
    /// Its Content-Type.
    pub content_type: &'c str,
    /// Its body.
    pub body: &'c str,
    /// The server that signed it, by the gateway's word.
    pub signer: &'c str,
}

/// What to do next to get at a share.
#[derive(Debug)]
pub enum Next {
    /// Exchange its secret for a token.
    Exchange,
    /// Ask with this bearer token, at this URL.
    Present {
        /// The token.
        bearer: String,
        /// Where.
        url: String,
    },
}

/// What a receiver knows when it opens a share.
#[derive(Debug)]
pub struct Opening<'o> {
    /// The share, as it is kept.
    pub share: &'o Value,
    /// What the sender's server says of itself.
    pub sender: &'o Value,
    /// Whether the user has given a second factor.
    pub second_factor: bool,
    /// The token that was exchanged, and until when it lasts.
    pub token: Option<(&'o str, u64)>,
    /// What of a folder is asked for.
    pub inside: Option<&'o str>,
}

impl Decisions {
    /// Loads the component, from a file or from where it is installed.
    ///
    /// # Errors
    ///
    /// It does not load.
    pub fn of_component(file: Option<&Path>) -> anyhow::Result<Self> {
        let file = file.map_or_else(|| components_dir().join("portcullis.wasm"), Into::into);
        Self::start(move || {
            let component = Runtime::new()?.load_file(&file).with_context(|| file.display().to_string())?;
            let mut door = TextDoor::new(&component)?;
            Ok(Box::new(move |line: &[u8], now| door.answer(line, now).map_err(|error| error.to_string())))
        })
    }

    /// Starts the thread, and makes on it what answers.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn start(make: impl FnOnce() -> anyhow::Result<Answers> + Send + 'static) -> anyhow::Result<Self> {
        let (asks, asked) = mpsc::channel::<Asked>();
        let (made, whether) = mpsc::channel();
        let work = move || {
            let mut answers = match make() {
                Ok(answers) => answers,
                Err(error) => return drop(made.send(Err(error))),
            };
            drop(made.send(Ok(())));
            for Asked { line, reply } in asked {
                // Who asked may be gone by now.
                drop(reply.send(answers(&line, now())));
            }
        };
        std::thread::Builder::new().name("decisions".into()).spawn(work).context("cannot start a thread")?;
        whether.recv().context("the thread has ended")??;
        Ok(Self { asks })
    }

    async fn ask(&self, operation: &str, members: Value) -> Result<Map<String, Value>, Refused> {
        let mut line = members;
        line["id"] = json!(0);
        line["op"] = json!(operation);
        let (reply, answer) = oneshot::channel();
        let unknown = |why: String| Refused::Unknown(format!("{operation}: {why}"));
        let gone = || unknown("nobody decides any more".into());
        self.asks.send(Asked { line: line.to_string().into_bytes(), reply }).map_err(|_| gone())?;
        let answer = answer.await.map_err(|_| gone())?.map_err(unknown)?;
        let mut answer: Value = serde_json::from_str(&answer).map_err(|error| unknown(error.to_string()))?;
        if answer["ok"] == true {
            return match answer["result"].take() {
                Value::Object(result) => Ok(result),
                _ => Err(unknown("the answer has no result".into())),
            };
        }
        let error = &answer["error"];
        let text = |name: &str| error[name].as_str().map(Into::into);
        let code: String = text("code").ok_or_else(|| unknown("the answer has no code".into()))?;
        let detail: String = text("detail").unwrap_or_default();
        // It was asked wrongly, which no other server is to blame for.
        if code == "request.malformed" {
            return Err(unknown(detail));
        }
        let status = error["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        Err(Refused::No { code, detail, status, oauth_error: text("oauth_error") })
    }

    /// Reads the text of an invite: its token, and the server of who sent it.
    pub(crate) async fn invite(&self, text: &str, listed: &[String]) -> Result<(String, String), Refused> {
        let read = self.ask("ocm.invite", json!({"invite": text, "listed": listed})).await?;
        Ok((text_of(&read, "token")?, text_of(&read, "provider")?))
    }

    /// Reads an address that a user typed, or that another server told.
    pub(crate) async fn address(&self, address: &str, listed: &[String]) -> Result<String, Refused> {
        let read = self.ask("ocm.contact", json!({"address": address, "listed": listed})).await?;
        contact_of(&read).map(|(address, _)| address)
    }

    /// Decides about an accepted invite: the address and the name of the contact.
    pub(crate) async fn accept(
        &self,
        acceptance: &Value,
        invite: Option<Value>,
        signer: &str,
        listed: &[String],
    ) -> Result<(String, String), Refused> {
        let mut members = json!({"acceptance": acceptance, "signer": signer, "listed": listed});
        if let Some(invite) = invite {
            members["invite"] = invite;
        }
        contact_of(&self.ask("ocm.accept", members).await?)
    }

    /// Decides about a share that came: what has to be done to get at it.
    pub(crate) async fn share(&self, share: &Value, about: Value) -> Result<Value, Refused> {
        let mut members = about;
        members["share"] = share.clone();
        Ok(self.ask("ocm.share", members).await?.remove("access").unwrap_or_default())
    }

    /// Decides about a notification: what changes, and the state that the share is in afterwards.
    pub(crate) async fn notification(
        &self,
        came: &Came<'_>,
        share: &Value,
        listed: &[String],
    ) -> Result<(String, Option<String>), Refused> {
        let told = self.ask("ocm.notification", about(came, share, listed)).await?;
        Ok((text_of(&told, "change")?, told.get("state").and_then(Value::as_str).map(Into::into)))
    }

    /// Decides about a token request: the protocol of the token, and until when it may last.
    pub(crate) async fn token(
        &self,
        came: &Came<'_>,
        share: &Value,
        listed: &[String],
    ) -> Result<(String, u64), Refused> {
        let told = self.ask("ocm.token", about(came, share, listed)).await?;
        let grant = told.get("grant").and_then(Value::as_object).cloned().unwrap_or_default();
        let until = grant.get("until").and_then(Value::as_u64);
        Ok((text_of(&grant, "protocol")?, until.ok_or_else(|| Refused::Unknown("there is no until".into()))?))
    }

    /// Decides whether a request opens a share.
    pub(crate) async fn access(
        &self,
        share: &Value,
        issued: Vec<Value>,
        authorization: &[&str],
        method: &str,
        listed: &[String],
    ) -> Result<(), Refused> {
        let headers: Vec<[&str; 2]> = authorization.iter().map(|value| ["Authorization", value]).collect();
        let members = json!({"share": share, "issued": issued, "headers": headers, "method": method, "listed": listed});
        self.ask("ocm.access", members).await.map(|_| ())
    }

    /// Says what to do next to get at a share that was received.
    pub(crate) async fn open(&self, opening: &Opening<'_>, listed: &[String]) -> Result<Next, Refused> {
        let mut members = json!({"share": opening.share, "sender": opening.sender, "mfa": opening.second_factor,
            "listed": listed});
        if let Some((token, until)) = opening.token {
            members["token"] = json!({"token": token, "until": until});
        }
        if let Some(inside) = opening.inside {
            members["inside"] = inside.into();
        }
        let told = self.ask("ocm.open", members).await?;
        match text_of(&told, "do")?.as_str() {
            "exchange" => Ok(Next::Exchange),
            "present" => Ok(Next::Present { bearer: text_of(&told, "bearer")?, url: text_of(&told, "url")? }),
            other => Err(Refused::Unknown(format!("nobody knows what {other} is"))),
        }
    }
}

fn about(came: &Came<'_>, share: &Value, listed: &[String]) -> Value {
    json!({
        "request": {"method": came.method, "url": came.url, "headers": [["Content-Type", came.content_type]],
            "body": came.body},
        "signer": came.signer, "share": share, "listed": listed,
    })
}

fn text_of(told: &Map<String, Value>, name: &str) -> Result<String, Refused> {
    let missing = || Refused::Unknown(format!("the answer has no {name}"));
    told.get(name).and_then(Value::as_str).map(Into::into).ok_or_else(missing)
}

fn contact_of(told: &Map<String, Value>) -> Result<(String, String), Refused> {
    let contact = told.get("contact").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok((text_of(&contact, "address")?, text_of(&contact, "name")?))
}

/// The time, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
