//! The client app is called back (section 3.7).

use portcullis_types::{Rejection, Trace, limits::excerpt, trace::check};

use super::{
    App2AppCode, Decision, Flow, Phase,
    query::parameter,
    step::call,
    url::{admit, is_own},
};

/// Decides what follows from a URL by which the client app was opened. `sender` is the app that opened it, where the operating system
/// tells.
///
/// Errors: those of [`step`](super::step()), and `app2app.callback_unexpected` for a call that has nothing to do with the flow, which
/// goes on as if it had not been made (section 5.3).
pub fn invoked(flow: &Flow, url: &str, sender: Option<&str>, trace: &mut dyn Trace) -> Result<Decision, Rejection> {
    check(trace, "the flow", "app2app-browserless-07 section 5.3", flow.check(), |()| flow.phase.name().into())?;
    let expected = expected(flow, url);
    check(trace, "the callback", "app2app-browserless-07 section 5.3", expected, |()| "the flow's".into())?;
    Ok(answered(flow, url, sender, trace).unwrap_or_else(Decision::stop))
}

/// An app is waited for, and the URL is the flow's callback.
fn expected(flow: &Flow, url: &str) -> Result<(), Rejection> {
    let refuse = |why| Err(Rejection::new(App2AppCode::CallbackUnexpected, why));
    if flow.phase != Phase::App {
        return refuse("no app is waited for");
    }
    if admit(url, &flow.allowed).is_err() || !is_own(url, flow.callback()) {
        return refuse("the URL is not the flow's callback");
    }
    Ok(())
}

fn answered(flow: &Flow, url: &str, sender: Option<&str>, trace: &mut dyn Trace) -> Result<Decision, Rejection> {
    // The pair of app and callback, from the client's end: who was asked is who answers.
    let same = match (&flow.waiting_for, sender) {
        (Some(wanted), Some(sender)) if wanted != sender => {
            let what = alloc::format!("{} called back", excerpt(sender));
            Err(Rejection::new(App2AppCode::CallbackSender, what))
        }
        _ => Ok(()),
    };
    check(trace, "the sender", "app2app-browserless-07 section 5.4", same, |()| "the app, or not told".into())?;
    let rule = "app2app-browserless-07 section 3.7";
    let error = match parameter(url, "error")? {
        Some(error) => Err(Rejection::new(App2AppCode::CallbackError, alloc::format!("the error {}", excerpt(&error)))),
        None => Ok(()),
    };
    check(trace, "no error", rule, error, |()| "none".into())?;
    let target = parameter(url, "redirect_uri")?
        .ok_or_else(|| Rejection::new(App2AppCode::CallbackEmpty, "there is no redirect_uri"));
    let target = check(trace, "redirect_uri", rule, target, |_| "there".into())?;
    call(Flow { phase: Phase::Response, waiting_for: None, ..flow.clone() }, &target, trace)
}
