//! A server's answer, and what follows from it.

use alloc::{
    format,
    string::{String, ToString},
};

use portcullis_types::{
    Rejection, Trace,
    json::{Object, Value},
    limits::MAX_DOCUMENT,
    trace::check,
};

use super::{
    App2AppCode, Flow, Phase, Prompt,
    answer::{self, Answer, Ended},
    cookies,
    flow::check_request,
    query::parameter,
    url::{HopUrl, admit, is_own},
};

/// The largest answer that is read, in bytes. A prompt with the logos of some hundred banks fits.
pub const MAX_ANSWER: usize = MAX_DOCUMENT;

/// An HTTP response, as it came. Redirects were not followed.
#[derive(Debug, Clone, Copy)]
pub struct HttpAnswer<'a> {
    /// Its status.
    pub status: u16,
    /// Its header fields, in the order received.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Its body.
    pub body: &'a [u8],
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send a GET to this URL, with the decision's cookies and no redirects followed, and hand the answer to [`step`].
    Follow {
        /// What to call.
        url: String,
    },
    /// Open this deep link, only in an app that claims it (section 3.5.2 and appendix A), and wait for the callback. Where the
    /// operating system finds none, begin anew in the browser.
    App {
        /// The deep link.
        url: String,
        /// The app that claims it, where the flow knows the apps.
        app: Option<String>,
    },
    /// Ask the user, and send what [`Prompt::reply`] makes of it, with the decision's cookies.
    Prompt(Prompt),
    /// The way without a browser is over; begin a new, ordinary authorization request there (section 4.2).
    Browser {
        /// The flow's fallback, if it has one.
        url: Option<String>,
        /// The server's error code.
        error: Option<String>,
    },
    /// The flow is complete: this is the client's own redirect URI with the answer (section 3.8). Exchange the code, or show the
    /// error.
    Complete {
        /// The redirect URI with its parameters.
        url: String,
        /// `error` among them.
        error: Option<String>,
    },
    /// The flow is over, and nothing of it may be used.
    Stop {
        /// The server's error code.
        error: Option<String>,
    },
}

/// What to do, why, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// The rule that ended the flow, where one did.
    pub reason: Option<Rejection>,
    /// The `Cookie` field for the request that follows: what its own origin set in this flow.
    pub cookie: Option<String>,
    /// The flow after this step; nothing where it is over.
    pub flow: Option<Flow>,
}

impl Decision {
    /// The flow is over, by a rule.
    pub(crate) fn stop(reason: Rejection) -> Self {
        Self { action: Action::Stop { error: None }, reason: Some(reason), cookie: None, flow: None }
    }

    fn browser(flow: &Flow, reason: Rejection, error: Option<String>) -> Self {
        let action = Action::Browser { url: flow.fallback.clone(), error };
        Self { action, reason: Some(reason), cookie: None, flow: None }
    }
}

/// The URL at which a flow begins, from authorization server metadata (section 3.2). A server without one is met in the browser.
///
/// Errors: `app2app.native_endpoint_missing`, `app2app.url_*`, `json.duplicate_name`.
pub fn native_endpoint(metadata: &Object) -> Result<&str, Rejection> {
    match metadata.get("native_authorization_endpoint")? {
        Some(Value::String(url)) => admit(url, &Default::default()).map(|url| url.text),
        _ => {
            let what = "the metadata has no native_authorization_endpoint";
            Err(Rejection::new(App2AppCode::EndpointMissing, what))
        }
    }
}

/// Decides what follows from the answer to the flow's last request.
///
/// What a server does wrong ends the flow, and the decision has the reason. Only a flow that is none is an error:
/// `app2app.flow_*`, `app2app.pkce_required`, `app2app.name_malformed`, `app2app.app_malformed`, `app2app.url_*`,
/// `app2app.callback_replaced`.
pub fn step(flow: &Flow, answer: &HttpAnswer<'_>, trace: &mut dyn Trace) -> Result<Decision, Rejection> {
    check(trace, "the flow", "app2app-browserless-07 section 5.3", flow.check(), |()| flow.phase.name().into())?;
    if flow.phase == Phase::App {
        return Err(Rejection::new(App2AppCode::WrongPhase, "an app is waited for, not a server's answer"));
    }
    let here = admit(flow.here()?, &flow.allowed)?;
    let read = match answer::read(answer) {
        Ok(read) => read,
        Err(Ended { rejection, error, needs_browser }) => {
            trace.failed("the answer", &rejection);
            // On the way back the user has been asked already: everything unexpected ends it (section 3.7).
            if needs_browser && flow.phase == Phase::Request {
                return Ok(Decision::browser(flow, rejection, error));
            }
            return Ok(Decision { action: Action::Stop { error }, ..Decision::stop(rejection) });
        }
    };
    trace.passed("the answer", "app2app-browserless-07 section 3.5", &|| "an action".into());
    let mut next = flow.clone();
    // Section 3.7.
    cookies::store(&mut next.cookies, &here, answer.headers);
    let decided = match read {
        Answer::Call(url) => call(next, &url, trace),
        Answer::DeepLink(url) => deep_link(next, &url, trace),
        Answer::Prompt(prompt) => ask(next, prompt, trace),
    };
    Ok(decided.unwrap_or_else(Decision::stop))
}

/// `call` (section 3.5.1): the next server, a client's redirect URI on the way back, or the flow's end.
pub(crate) fn call(mut flow: Flow, url: &str, trace: &mut dyn Trace) -> Result<Decision, Rejection> {
    let admitted = admitted(&flow, url, trace)?;
    if is_own(url, &flow.redirect_uri) {
        return complete(&flow, url, trace);
    }
    allowed(&mut flow, &admitted, trace)?;
    let known = if flow.visited.iter().any(|visited| visited == url) {
        Err(Rejection::new(App2AppCode::Loop, "the URL was called before"))
    } else {
        Ok(())
    };
    check(trace, "no loop", "docs/limits.md", known, |()| "new".into())?;
    let request = check_request(url, flow.callback());
    check(trace, "the request", "app2app-browserless-07 sections 3.4 and 5.5", request, |()| {
        "PKCE and callback".into()
    })?;
    visited(&mut flow, url, trace)?;
    let cookie = cookies::header(&flow.cookies, &admitted);
    Ok(Decision { action: Action::Follow { url: url.into() }, reason: None, cookie, flow: Some(flow) })
}

/// `deep_link` (section 3.5.2).
fn deep_link(mut flow: Flow, url: &str, trace: &mut dyn Trace) -> Result<Decision, Rejection> {
    on_the_way_there(&flow, trace)?;
    admitted(&flow, url, trace)?;
    let request = check_request(url, flow.callback());
    check(trace, "the request", "app2app-browserless-07 sections 3.4 and 5.5", request, |()| {
        "PKCE and callback".into()
    })?;
    let app = match &flow.apps {
        None => None,
        Some(apps) => match apps.iter().find(|app| app.claims(url)) {
            Some(app) => Some(app.id.clone()),
            None => {
                let missing = Rejection::new(App2AppCode::AppMissing, "no app of the flow claims the deep link");
                trace.failed("the app", &missing);
                return Ok(Decision::browser(&flow, missing, None));
            }
        },
    };
    flow.phase = Phase::App;
    flow.waiting_for.clone_from(&app);
    Ok(Decision { action: Action::App { url: url.into(), app }, reason: None, cookie: None, flow: Some(flow) })
}

/// `prompt` (section 3.5.3). The same URL may be answered twice, with other input, so it is no loop; it counts as a hop.
fn ask(mut flow: Flow, prompt: Prompt, trace: &mut dyn Trace) -> Result<Decision, Rejection> {
    on_the_way_there(&flow, trace)?;
    let admitted = admitted(&flow, &prompt.url, trace)?;
    allowed(&mut flow, &admitted, trace)?;
    visited(&mut flow, &prompt.url, trace)?;
    let cookie = cookies::header(&flow.cookies, &admitted);
    Ok(Decision { action: Action::Prompt(prompt), reason: None, cookie, flow: Some(flow) })
}

/// The client's own redirect URI was reached (section 3.8). It is not called: what it says is for the client.
fn complete(flow: &Flow, url: &str, trace: &mut dyn Trace) -> Result<Decision, Rejection> {
    let state = match &flow.state {
        Some(state) if parameter(url, "state")?.as_ref() != Some(state) => {
            Err(Rejection::new(App2AppCode::State, "the answer's state is not the flow's"))
        }
        _ => Ok(()),
    };
    check(trace, "state", "RFC 6749 section 10.12", state, |()| "the flow's".into())?;
    let issuer = match (&flow.issuer, parameter(url, "iss")?) {
        (Some(issuer), Some(iss)) if iss != *issuer => {
            Err(Rejection::new(App2AppCode::Issuer, "the answer's iss is not the flow's server"))
        }
        _ => Ok(()),
    };
    check(trace, "iss", "RFC 9207 section 2.4", issuer, |()| "the flow's, or none".into())?;
    let error = parameter(url, "error")?.filter(|error| answer::is_error_code(error));
    let action = Action::Complete { url: url.into(), error };
    Ok(Decision { action, reason: None, cookie: None, flow: None })
}

/// Section 3.7: on the way back only `call` is understood.
fn on_the_way_there(flow: &Flow, trace: &mut dyn Trace) -> Result<(), Rejection> {
    let there = match flow.phase {
        Phase::Request => Ok(()),
        _ => Err(Rejection::new(App2AppCode::ActionOnReturn, "on the way back there is only call")),
    };
    check(trace, "the action", "app2app-browserless-07 section 3.7", there, |()| "on the way there".into())
}

fn admitted<'u>(flow: &Flow, url: &'u str, trace: &mut dyn Trace) -> Result<HopUrl<'u>, Rejection> {
    check(trace, "the URL", "docs/limits.md", admit(url, &flow.allowed), |url| url.name.clone())
}

fn allowed(flow: &mut Flow, url: &HopUrl<'_>, trace: &mut dyn Trace) -> Result<(), Rejection> {
    let allowed = flow.allow(url);
    check(trace, "the allow-list", "app2app-browserless-07 section 5.3", allowed, |()| url.name.to_string())
}

fn visited(flow: &mut Flow, url: &str, trace: &mut dyn Trace) -> Result<(), Rejection> {
    let visited = flow.visit(url).map(|()| flow.visited.len());
    check(trace, "hops", "docs/limits.md", visited, |hops| format!("{hops}")).map(|_| ())
}
