//! `portcullis:oauth/app2app`

use portcullis_oauth::app2app::{self as app2app, CallbackPairs};
use portcullis_types::{Findings, Trace, json, trace::Silent};

use crate::{
    Component,
    bindings::exports::portcullis::{
        oauth::app2app::{
            Action, BrowserRequest, CallbackPair, Choice, Completion, Cookie, Decision, DeepLink, Flow, Guest,
            HttpAnswer, Input, InstalledApp, Method, Parameter, Phase, Prompt, ReplyRequest, Report, Selection,
        },
        types::types::Rejection,
    },
    convert,
    wimse::pairs,
};

impl Guest for Component {
    fn native_endpoint(metadata: Vec<u8>) -> Result<String, Rejection> {
        json::parse_object(&metadata)
            .and_then(|metadata| app2app::native_endpoint(&metadata).map(Into::into))
            .map_err(convert::rejection)
    }

    fn start(request: String, redirect_uri: String, code_challenge: String) -> Flow {
        written(app2app::Flow { code_challenge, ..app2app::Flow::start(&request, &redirect_uri) })
    }

    fn step(flow: Flow, answer: HttpAnswer) -> Result<Decision, Rejection> {
        step(flow, &answer, &mut Silent).map(decided).map_err(convert::rejection)
    }

    fn explain_step(flow: Flow, answer: HttpAnswer) -> Report {
        explained(|trace| step(flow, &answer, trace))
    }

    fn invoked(flow: Flow, url: String, sender: Option<String>) -> Result<Decision, Rejection> {
        app2app::invoked(&read(flow), &url, sender.as_deref(), &mut Silent).map(decided).map_err(convert::rejection)
    }

    fn explain_invoked(flow: Flow, url: String, sender: Option<String>) -> Report {
        explained(|trace| app2app::invoked(&read(flow), &url, sender.as_deref(), trace))
    }

    fn reply(prompt: Prompt, entered: Vec<Parameter>) -> Result<ReplyRequest, Rejection> {
        let entered: Vec<(&str, &str)> =
            entered.iter().map(|parameter| (parameter.name.as_str(), parameter.value.as_str())).collect();
        asked(prompt)
            .reply(&entered)
            .map(|reply| ReplyRequest { method: method(reply.method), url: reply.url, body: reply.body })
            .map_err(convert::rejection)
    }

    fn trust(
        pairs: Vec<CallbackPair>,
        native_callback_uri: String,
        claimed_by: Option<String>,
    ) -> Result<String, Rejection> {
        registered(pairs)
            .and_then(|pairs| pairs.trust(&native_callback_uri, claimed_by.as_deref()).map(Into::into))
            .map_err(convert::rejection)
    }

    fn callback_url(
        pairs: Vec<CallbackPair>,
        native_callback_uri: String,
        claimed_by: Option<String>,
        redirect_uri: String,
    ) -> Result<String, Rejection> {
        registered(pairs)
            .and_then(|pairs| pairs.answer(&native_callback_uri, claimed_by.as_deref(), &redirect_uri))
            .map_err(convert::rejection)
    }
}

fn step(
    flow: Flow,
    answer: &HttpAnswer,
    trace: &mut dyn Trace,
) -> Result<app2app::Decision, portcullis_types::Rejection> {
    let headers: Vec<(&str, &[u8])> = pairs(&answer.headers).collect();
    let answer = app2app::HttpAnswer { status: answer.status, headers: &headers, body: &answer.body };
    app2app::step(&read(flow), &answer, trace)
}

fn explained(decide: impl FnOnce(&mut dyn Trace) -> Result<app2app::Decision, portcullis_types::Rejection>) -> Report {
    let mut findings = Findings::default();
    let outcome = decide(&mut findings).map(decided).map_err(convert::rejection);
    Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
}

fn registered(pairs: Vec<CallbackPair>) -> Result<CallbackPairs, portcullis_types::Rejection> {
    let pair = |CallbackPair { app, callback }| app2app::CallbackPair { app, callback };
    CallbackPairs::new(pairs.into_iter().map(pair))
}

fn decided(decision: app2app::Decision) -> Decision {
    let action = match decision.action {
        app2app::Action::Follow { url } => Action::Follow(url),
        app2app::Action::App { url, app } => Action::App(DeepLink { url, app }),
        app2app::Action::Prompt(prompt) => Action::Prompt(shown(prompt)),
        app2app::Action::Browser { url, error } => Action::Browser(BrowserRequest { url, error }),
        app2app::Action::Complete { url, error } => Action::Complete(Completion { url, error }),
        app2app::Action::Stop { error } => Action::Stop(error),
    };
    Decision {
        action,
        reason: decision.reason.map(convert::rejection),
        cookie: decision.cookie,
        flow: decision.flow.map(written),
    }
}

fn read(flow: Flow) -> app2app::Flow {
    let app = |InstalledApp { id, links }| app2app::App { id, links };
    let cookie = |Cookie { origin, path, name, value }| app2app::Cookie { origin, path, name, value };
    app2app::Flow {
        phase: match flow.phase {
            Phase::Request => app2app::Phase::Request,
            Phase::App => app2app::Phase::App,
            Phase::Response => app2app::Phase::Response,
        },
        visited: flow.visited,
        allowed: flow.allowed.into_iter().collect(),
        is_closed: flow.closed,
        apps: flow.apps.map(|apps| apps.into_iter().map(app).collect()),
        waiting_for: flow.waiting_for,
        redirect_uri: flow.redirect_uri,
        native_callback_uri: flow.native_callback_uri,
        code_challenge: flow.code_challenge,
        state: flow.state,
        issuer: flow.issuer,
        fallback: flow.fallback,
        cookies: flow.cookies.into_iter().map(cookie).collect(),
    }
}

fn written(flow: app2app::Flow) -> Flow {
    let app = |app2app::App { id, links }| InstalledApp { id, links };
    let cookie = |app2app::Cookie { origin, path, name, value }| Cookie { origin, path, name, value };
    Flow {
        phase: match flow.phase {
            app2app::Phase::Request => Phase::Request,
            app2app::Phase::App => Phase::App,
            app2app::Phase::Response => Phase::Response,
        },
        visited: flow.visited,
        allowed: flow.allowed.into_iter().collect(),
        closed: flow.is_closed,
        apps: flow.apps.map(|apps| apps.into_iter().map(app).collect()),
        waiting_for: flow.waiting_for,
        redirect_uri: flow.redirect_uri,
        native_callback_uri: flow.native_callback_uri,
        code_challenge: flow.code_challenge,
        state: flow.state,
        issuer: flow.issuer,
        fallback: flow.fallback,
        cookies: flow.cookies.into_iter().map(cookie).collect(),
    }
}

fn shown(prompt: app2app::Prompt) -> Prompt {
    let selection = |app2app::Selection { value, name, logo }| Selection { value, name, logo };
    let choice = |app2app::Choice { name, title, description, values }| Choice {
        name,
        title,
        description,
        values: values.into_iter().map(selection).collect(),
    };
    let input = |app2app::Input { name, title, hint, description }| Input { name, title, hint, description };
    Prompt {
        id: prompt.id,
        logo: prompt.logo,
        options: prompt.options.into_iter().map(choice).collect(),
        inputs: prompt.inputs.into_iter().map(input).collect(),
        method: method(prompt.method),
        url: prompt.url,
    }
}

fn asked(prompt: Prompt) -> app2app::Prompt {
    let selection = |Selection { value, name, logo }| app2app::Selection { value, name, logo };
    let choice = |Choice { name, title, description, values }: Choice| app2app::Choice {
        name,
        title,
        description,
        values: values.into_iter().map(selection).collect(),
    };
    let input = |Input { name, title, hint, description }| app2app::Input { name, title, hint, description };
    app2app::Prompt {
        id: prompt.id,
        logo: prompt.logo,
        options: prompt.options.into_iter().map(choice).collect(),
        inputs: prompt.inputs.into_iter().map(input).collect(),
        method: match prompt.method {
            Method::Get => app2app::Method::Get,
            Method::Post => app2app::Method::Post,
        },
        url: prompt.url,
    }
}

fn method(method: app2app::Method) -> Method {
    match method {
        app2app::Method::Get => Method::Get,
        app2app::Method::Post => Method::Post,
    }
}
