//! The services: each does with a request what its path says.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portcullis_tests::serving::{Answer, Certified, Shown, ask, ask_tls, request};
use serde_json::Value;

use super::keys;
use super::stage::{ORDERS_HOST, STOCK_HOST, TTS_NAME};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const TYPES: &str = "urn:ietf:params:oauth:token-type:";

/// What a service answers: status and body.
type Said = (u16, String);

/// The head of a request.
pub(crate) struct Head(String);

impl Head {
    fn path(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or_default()
    }

    fn field(&self, name: &str) -> &str {
        let fields = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
            .unwrap_or_default()
    }
}

/// Starts a service, and tells its port. It ends with the process.
pub(crate) fn start(answer: impl Fn(&Head) -> Said + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                while let Some(head) = head(&mut stream) {
                    let (status, body) = answer(&head);
                    let said = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    if stream.write_all(said.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn head(stream: &mut TcpStream) -> Option<Head> {
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let (mut got, mut byte) = (Vec::new(), [0]);
    while !got.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 || got.len() > 64 << 10 {
            return None;
        }
        got.push(byte[0]);
    }
    String::from_utf8(got).ok().map(Head)
}

/// The Transaction Token Service, as workloads reach it.
pub(crate) struct Exchange {
    pub(crate) port: u16,
    pub(crate) host: String,
    /// Who vouches for its name.
    pub(crate) root: Vec<u8>,
}

impl Exchange {
    /// Asks for a token as a workload, by the certificate of the connection.
    fn asks(
        &self,
        svid: &Certified,
        kind: &str,
        subject: &str,
        scope: &str,
        details: Option<&str>,
    ) -> Result<String, Said> {
        let types = |name: &str| format!("{TYPES}{name}");
        let mut form = vec![
            ("grant_type", EXCHANGE.to_owned()),
            ("requested_token_type", types("txn_token")),
            ("audience", keys::DOMAIN.to_owned()),
            ("scope", scope.to_owned()),
            ("subject_token", subject.to_owned()),
            ("subject_token_type", types(kind)),
        ];
        form.extend(details.map(|details| ("request_details", details.to_owned())));
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let body = body.join("&");
        let length = body.len().to_string();
        let fields = [
            ("Host", self.host.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", length.as_str()),
        ];
        let bytes = [request("POST", "/token", &fields), body.into_bytes()].concat();
        let shown = Shown { chain: &svid.chain, key: &svid.key };
        let answer = ask_tls(self.port, TTS_NAME, std::slice::from_ref(&self.root), Some(shown), &bytes)
            .unwrap_or_else(|why| panic!("no answer of the service: {why}"));
        if answer.status != 200 {
            return Err((answer.status, answer.body));
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let told: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(told["token_type"], "N_A", "{told}");
        Ok(told["access_token"].as_str().expect("a token").to_owned())
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Calls a service behind its gateway.
fn calls(
    port: u16,
    (method, host, path): (&str, &str, &str),
    workload: Option<&str>,
    token: Option<&str>,
    bound: Option<&str>,
) -> Said {
    let url = format!("http://{host}{path}");
    let proved = workload.map(|workload| keys::proved(workload, &url, bound));
    let mut fields = vec![("Host", host), ("Content-Length", "0")];
    fields.extend(proved.iter().flatten().map(|(name, value)| (*name, value.as_str())));
    fields.extend(token.map(|token| ("Txn-Token", token)));
    let Answer { status, body, .. } = ask(port, &request(method, path, &fields));
    (status, body)
}

/// The service at the edge: it has a Transaction Token made of its user's, and calls the orders' service with it.
pub(crate) fn edge(exchange: &Exchange, svid: &Certified, stranger: &Certified, orders: u16, asked: &Head) -> Said {
    let user = asked.field("authorization").strip_prefix("Bearer ").unwrap_or_default();
    let path = asked.path();
    let svid = if path == "/stranger" { stranger } else { svid };
    let details = r#"{"action":"BUY"}"#;
    let made = || exchange.asks(svid, "access_token", user, "stock.read stock.write", Some(details));
    let transaction = match made() {
        Ok(transaction) => transaction,
        Err(said) => return said,
    };
    let call = ("GET", ORDERS_HOST, path);
    match path {
        "/without" => calls(orders, call, Some(keys::EDGE), None, None),
        "/alone" => calls(orders, call, None, Some(&transaction), None),
        "/swapped" => {
            let other = match made() {
                Ok(other) => other,
                Err(said) => return said,
            };
            calls(orders, call, Some(keys::EDGE), Some(&transaction), Some(&other))
        }
        _ => calls(orders, call, Some(keys::EDGE), Some(&transaction), Some(&transaction)),
    }
}

/// The orders' service: it has its token replaced with one for less, and calls the stock.
pub(crate) fn orders(exchange: &Exchange, svid: &Certified, stock: u16, asked: &Head) -> Said {
    let given = asked.field("txn-token");
    let (scope, method) = match asked.path() {
        "/narrow" => ("stock.read", "GET"),
        "/write" => ("stock.read", "POST"),
        "/kept" => ("stock.read stock.write", "POST"),
        "/wider" => ("stock.read stock.write stock.delete", "GET"),
        _ => return (404, String::new()),
    };
    match exchange.asks(svid, "txn_token", given, scope, None) {
        Ok(less) => calls(stock, (method, STOCK_HOST, "/stock"), Some(keys::ORDERS), Some(&less), Some(&less)),
        Err(said) => said,
    }
}
