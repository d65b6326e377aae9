//! `app2app.*`

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use portcullis_oauth::app2app::{
    Action, App, CallbackPair, CallbackPairs, Choice, Cookie, Decision, Flow, HttpAnswer, Input, Phase, Prompt,
    Selection, invoked, step as decide,
};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use super::message::GivenResponse;
use crate::{
    Door,
    door::{Answer, Call, object, rejected},
    members::{Members, malformed},
};

/// `app2app.step`: what follows from a server's answer, or from the call of an app.
pub(super) fn step(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let flow = flow(members.object("flow")?)?;
    let response = members.optional_object("response")?;
    let callback = members.optional_text("callback")?;
    let sender = members.optional_text("sender")?;
    members.finish()?;
    let decision = match (response, callback) {
        (Some(response), None) if sender.is_none() => {
            let response = GivenResponse::read("\"response\"", response)?;
            let response = response.lend(None);
            let headers: Vec<(&str, &[u8])> = response.fields.iter().map(|field| (field.name, field.value)).collect();
            let body = response.body.unwrap_or_default();
            decide(&flow, &HttpAnswer { status: response.status, headers: &headers, body }, call.trace)?
        }
        (None, Some(callback)) => invoked(&flow, callback, sender, call.trace)?,
        _ => {
            let what = "the request has either a member \"response\", or \"callback\" and perhaps \"sender\"";
            return Err(malformed(what).into());
        }
    };
    Ok(decided(decision))
}

/// `app2app.trust`: whether the app in which the user authenticates may call back.
pub(super) fn trust(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let pairs = list(members.value("pairs")?, "pairs", |entry| {
        let mut members = Members::new("a pair", entry);
        let pair = CallbackPair { app: members.text("app")?.into(), callback: members.text("callback")?.into() };
        members.finish()?;
        Ok(pair)
    })?;
    let callback = members.text("native_callback_uri")?;
    let claimed_by = members.optional_text("claimed_by")?;
    let redirect_uri = members.optional_text("redirect_uri")?;
    members.finish()?;
    let pairs = CallbackPairs::new(pairs)?;
    let app = pairs.trust(callback, claimed_by)?;
    let Some(redirect_uri) = redirect_uri else { return Ok(object([("app", app.into())])) };
    let url = pairs.answer(callback, claimed_by, redirect_uri)?;
    Ok(object([("app", app.into()), ("url", url.into())]))
}

/// A flow: how it was handed out by the step before, or how an app writes its first one.
fn flow(flow: &Object) -> Result<Flow, Rejection> {
    let mut members = Members::new("the member \"flow\"", flow);
    let visited = members.optional_texts("visited")?;
    let visited = visited.ok_or_else(|| malformed("the member \"flow\" has no member \"visited\""))?;
    let redirect_uri = members.text("redirect_uri")?;
    let started = Flow::start(visited.first().map_or("", String::as_str), redirect_uri);
    let phase = match members.optional_text("phase")? {
        None => Phase::Request,
        Some(name) => Phase::from_name(name).ok_or_else(|| malformed("there is no such \"phase\" of a flow"))?,
    };
    let text = |text: Option<&str>| text.map(String::from);
    let apps = members.take("apps").map(|apps| list(apps, "apps", app)).transpose()?;
    let cookies = members.take("cookies").map(|cookies| list(cookies, "cookies", cookie)).transpose()?;
    let read = Flow {
        phase,
        allowed: members.optional_texts("allowed")?.map_or(started.allowed, |names| names.into_iter().collect()),
        is_closed: members.optional_flag("closed")?,
        apps,
        waiting_for: text(members.optional_text("waiting_for")?),
        redirect_uri: started.redirect_uri,
        native_callback_uri: text(members.optional_text("native_callback_uri")?),
        code_challenge: members.optional_text("code_challenge")?.unwrap_or_default().into(),
        state: text(members.optional_text("state")?),
        issuer: text(members.optional_text("issuer")?),
        fallback: text(members.optional_text("fallback")?),
        cookies: cookies.unwrap_or_default(),
        visited,
    };
    members.finish()?;
    Ok(read)
}

/// `{"id","links"}`.
fn app(entry: &Object) -> Result<App, Rejection> {
    let mut members = Members::new("an app", entry);
    let id = members.text("id")?.into();
    let links = members.optional_texts("links")?;
    let links = links.ok_or_else(|| malformed("an app has no member \"links\""))?;
    members.finish()?;
    Ok(App { id, links })
}

/// `{"origin","path","name","value"}`.
fn cookie(entry: &Object) -> Result<Cookie, Rejection> {
    let mut members = Members::new("a cookie", entry);
    let mut text = |name| members.text(name).map(String::from);
    let cookie = Cookie { origin: text("origin")?, path: text("path")?, name: text("name")?, value: text("value")? };
    members.finish()?;
    Ok(cookie)
}

fn list<'a, T>(
    value: &'a Value,
    name: &str,
    read: impl Fn(&'a Object) -> Result<T, Rejection>,
) -> Result<Vec<T>, Rejection> {
    let wrong = || malformed(format!("the member \"{name}\" is not a list of objects"));
    let items = value.as_array().ok_or_else(wrong)?;
    items.iter().map(|item| read(item.as_object().ok_or_else(wrong)?)).collect()
}

/// A member's name, and its value if it is there.
type Optional = (&'static str, Option<Value>);

fn members<const N: usize>(members: [Optional; N]) -> Object {
    let present = members.into_iter().filter_map(|(name, value)| value.map(|value| (name.into(), value)));
    Object::from_members(present.collect())
}

fn text(text: Option<String>) -> Option<Value> {
    text.map(Value::from)
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Value {
    Value::Array(texts.into_iter().map(|text| text.as_str().into()).collect())
}

fn decided(decision: Decision) -> Object {
    let Decision { action, reason, cookie, flow } = decision;
    let (name, url, error, app, prompt, complete) = match action {
        Action::Follow { url } => ("follow", Some(url), None, None, None, None),
        Action::App { url, app } => ("app", Some(url), None, app, None, None),
        Action::Prompt(prompt) => ("prompt", Some(prompt.url.clone()), None, None, Some(prompt), None),
        Action::Browser { url, error } => ("browser", url, error, None, None, None),
        Action::Complete { url, error } => ("stop", Some(url), error, None, None, Some(true)),
        Action::Stop { error } => ("stop", None, error, None, None, Some(false)),
    };
    let method = prompt.as_ref().map(|prompt| prompt.method.name().into());
    members([
        ("action", Some(name.into())),
        ("url", text(url)),
        ("complete", complete.map(Value::from)),
        ("error", text(error)),
        ("app", text(app)),
        ("method", method),
        ("prompt", prompt.map(|prompt| shown(prompt).into())),
        ("cookie", text(cookie)),
        ("reason", reason.map(|reason| rejected(&reason).into())),
        ("flow", flow.map(|flow| written(flow).into())),
    ])
}

/// What is asked of the user.
fn shown(prompt: Prompt) -> Object {
    let options = prompt.options.into_iter().map(|Choice { name, title, description, values }| {
        let values = values.into_iter().map(|Selection { value, name, logo }| {
            members([("value", Some(value.into())), ("name", Some(name.into())), ("logo", text(logo))]).into()
        });
        let values = Value::Array(values.collect());
        let (title, description) = (("title", text(title)), ("description", text(description)));
        members([("name", Some(name.into())), title, description, ("values", Some(values))]).into()
    });
    let options = Value::Array(options.collect());
    let inputs = prompt.inputs.into_iter().map(|Input { name, title, hint, description }| {
        let (title, hint, description) =
            (("title", text(title)), ("hint", text(hint)), ("description", text(description)));
        members([("name", Some(name.into())), title, hint, description]).into()
    });
    let inputs = Value::Array(inputs.collect());
    members([
        ("id", text(prompt.id)),
        ("logo", text(prompt.logo)),
        ("options", Some(options)),
        ("inputs", Some(inputs)),
    ])
}

/// The flow, as [`flow`] reads it.
fn written(flow: Flow) -> Object {
    let apps = flow.apps.map(|apps| {
        let app = |app: &App| object([("id", app.id.as_str().into()), ("links", texts(&app.links))]).into();
        Value::Array(apps.iter().map(app).collect())
    });
    let cookies = flow.cookies.into_iter().map(|Cookie { origin, path, name, value }| {
        object([("origin", origin.into()), ("path", path.into()), ("name", name.into()), ("value", value.into())])
            .into()
    });
    let cookies = Value::Array(cookies.collect());
    let allowed: BTreeSet<String> = flow.allowed;
    members([
        ("phase", Some(flow.phase.name().into())),
        ("visited", Some(texts(&flow.visited))),
        ("allowed", Some(texts(&allowed))),
        ("closed", Some(flow.is_closed.into())),
        ("apps", apps),
        ("waiting_for", text(flow.waiting_for)),
        ("redirect_uri", Some(flow.redirect_uri.into())),
        ("native_callback_uri", text(flow.native_callback_uri)),
        ("code_challenge", Some(flow.code_challenge.into())),
        ("state", text(flow.state)),
        ("issuer", text(flow.issuer)),
        ("fallback", text(flow.fallback)),
        ("cookies", Some(cookies)),
    ])
}
