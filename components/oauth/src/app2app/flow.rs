//! What is remembered of a flow, from its first request to its end.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use portcullis_types::{Rejection, base64url, limits::excerpt};

use super::{
    App2AppCode, Cookie, MAX_COOKIES,
    query::parameter,
    url::{HopUrl, admit, is_listed_form},
};

/// Most requests of a flow. Browsers follow as many redirects; a federation has two or three servers, and each is passed twice.
pub const MAX_HOPS: usize = 20;

/// Most names of an allow-list: those of the servers of a flow.
pub const MAX_NAMES: usize = 16;

/// Most apps, and links of one. A federation of banks has some hundred.
pub const MAX_APPS: usize = 1024;

/// The bytes of an S256 challenge (RFC 7636 section 4.2).
const CHALLENGE: usize = 32;

/// How far a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// On the way to the app in which the user authenticates (section 3.5).
    #[default]
    Request,
    /// That app is open, and is waited for.
    App,
    /// On the way back to the client's own redirect URI (section 3.7).
    Response,
}

impl Phase {
    /// Its name in the interfaces.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Request => "request",
            Phase::App => "app",
            Phase::Response => "response",
        }
    }

    /// The phase of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Phase::Request, Phase::App, Phase::Response].into_iter().find(|phase| phase.name() == name)
    }
}

/// An app on the device and the URLs it claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its identifier: a package name, or a team and bundle identifier.
    pub id: String,
    /// https URLs without a query; it claims them and what is below by whole segments.
    pub links: Vec<String>,
}

/// A flow. It is used once: after its end it is thrown away, cookies and all (section 5.3).
///
/// [`step`](super::step()) checks it each time, so that one that was changed on the way cannot do harm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// How far it is.
    pub phase: Phase,
    /// The URLs that were called, in order. The last one is what the next answer answers.
    pub visited: Vec<String>,
    /// The DNS names that may be called, with a port where it is not 443. On the way there it grows by each name that is met.
    pub allowed: BTreeSet<String>,
    /// Whether the allow-list is complete from the beginning and never grows: stricter than the text.
    pub is_closed: bool,
    /// The apps on the device, where that is known. Without it the operating system decides whether one claims a link.
    pub apps: Option<Vec<App>>,
    /// The app that a deep link was handed to.
    pub waiting_for: Option<String>,
    /// The client's own redirect URI, a deep link of its own. Calling it is the flow's end.
    pub redirect_uri: String,
    /// `native_callback_uri`: where the app calls back. The redirect URI, where there is none.
    pub native_callback_uri: Option<String>,
    /// The S256 challenge of the client's request.
    pub code_challenge: String,
    /// The `state` of the client's request.
    pub state: Option<String>,
    /// The identifier of the server that was asked first.
    pub issuer: Option<String>,
    /// A new, ordinary authorization request for the browser, with a `state` and a challenge of its own.
    pub fallback: Option<String>,
    /// What was set on the way.
    pub cookies: Vec<Cookie>,
}

impl Flow {
    /// A flow whose first request is about to be sent to a native authorization endpoint. Its name is the first of the allow-list.
    pub fn start(request: &str, redirect_uri: &str) -> Self {
        let mut flow = Self { visited: [request.into()].into(), redirect_uri: redirect_uri.into(), ..Self::default() };
        if let Ok(url) = admit(request, &flow.allowed) {
            flow.allowed.insert(url.name);
        }
        flow
    }

    /// Where the app calls back.
    pub fn callback(&self) -> &str {
        self.native_callback_uri.as_deref().unwrap_or(&self.redirect_uri)
    }

    /// The request that the next answer answers.
    ///
    /// Error: `app2app.flow_not_started`.
    pub(crate) fn here(&self) -> Result<&str, Rejection> {
        let last = self.visited.last().map(String::as_str);
        last.ok_or_else(|| Rejection::new(App2AppCode::NotStarted, "no URL was called in this flow"))
    }

    /// Checks that the flow is one.
    ///
    /// Errors: `app2app.flow_*`, `app2app.pkce_required`, `app2app.name_malformed`, `app2app.app_malformed`, `app2app.url_*`,
    /// `app2app.callback_replaced`.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        let too_large =
            |what: &str| Err(Rejection::new(App2AppCode::FlowTooLarge, format!("the flow has too many {what}")));
        let apps = self.apps.as_deref().unwrap_or_default();
        if self.visited.len() > MAX_HOPS {
            return too_large("hops");
        }
        if self.allowed.len() > MAX_NAMES {
            return too_large("names");
        }
        if apps.len() > MAX_APPS || apps.iter().any(|app| app.links.len() > MAX_APPS) {
            return too_large("apps");
        }
        if self.cookies.len() > MAX_COOKIES {
            return too_large("cookies");
        }
        if let Some(entry) = self.allowed.iter().find(|entry| !is_listed_form(entry)) {
            let what = format!("the allow-list has {}", excerpt(entry));
            return Err(Rejection::new(App2AppCode::NameMalformed, what));
        }
        self.check_pkce()?;
        for app in apps {
            app.check(&self.allowed)?;
        }
        for own in [&self.redirect_uri, self.callback()] {
            admit(own, &self.allowed).map_err(|rejection| rejection.within("the flow's own"))?;
        }
        if let Some(fallback) = &self.fallback {
            admit(fallback, &self.allowed).map_err(|rejection| rejection.within("the fallback"))?;
        }
        let first = self.visited.first().map_or_else(|| self.here(), |first| Ok(first))?;
        check_request(first, self.callback())?;
        admit(self.here()?, &self.allowed).map(|_| ())
    }

    /// Section 5.5: PKCE is required. The challenge is a SHA-256.
    fn check_pkce(&self) -> Result<(), Rejection> {
        match base64url::decode(self.code_challenge.as_bytes()) {
            Ok(challenge) if challenge.len() == CHALLENGE => Ok(()),
            _ => Err(Rejection::new(App2AppCode::PkceRequired, "the flow has no S256 code_challenge")),
        }
    }

    /// Section 3.5.1 on the way there, sections 3.7 and 5.3 on the way back: the name is in the allow-list, or goes in.
    ///
    /// Errors: `app2app.not_allowed`, `app2app.too_many_names`.
    pub(crate) fn allow(&mut self, url: &HopUrl<'_>) -> Result<(), Rejection> {
        if self.allowed.contains(&url.name) {
            return Ok(());
        }
        let refuse = |code, why: &str| Err(Rejection::new(code, format!("{} {why}", excerpt(&url.name))));
        if self.is_closed || self.phase != Phase::Request {
            return refuse(App2AppCode::NotAllowed, "is not in the allow-list");
        }
        if self.allowed.len() >= MAX_NAMES {
            return refuse(App2AppCode::TooManyNames, "is one name too many");
        }
        self.allowed.insert(url.name.clone());
        Ok(())
    }

    /// Takes a URL as the next one to be called.
    ///
    /// Error: `app2app.too_many_hops`.
    pub(crate) fn visit(&mut self, url: &str) -> Result<(), Rejection> {
        if self.visited.len() >= MAX_HOPS {
            return Err(Rejection::new(App2AppCode::TooManyHops, format!("there were {MAX_HOPS} hops")));
        }
        self.visited.push(url.into());
        Ok(())
    }
}

impl App {
    fn check(&self, allowed: &BTreeSet<String>) -> Result<(), Rejection> {
        let wrong =
            |why: &str| Rejection::new(App2AppCode::AppMalformed, format!("the app {} {why}", excerpt(&self.id)));
        if self.id.is_empty() {
            return Err(wrong("has no identifier"));
        }
        for link in &self.links {
            if link.contains('?') || admit(link, allowed).is_err() {
                return Err(wrong("has a link that is no https URL without a query"));
            }
        }
        Ok(())
    }

    /// Whether it claims a URL.
    pub(crate) fn claims(&self, url: &str) -> bool {
        self.links.iter().any(|link| match url.strip_prefix(link.as_str()) {
            Some(rest) => rest.is_empty() || link.ends_with('/') || rest.starts_with(['/', '?']),
            None => false,
        })
    }
}

/// An authorization request that can be seen, not one that was pushed or is signed, has PKCE with S256 (section 5.5) and the flow's
/// callback (section 3.4: it is forwarded).
///
/// Errors: `app2app.pkce_required`, `app2app.callback_replaced`, `app2app.parameter_malformed`.
pub(crate) fn check_request(url: &str, callback: &str) -> Result<(), Rejection> {
    let hidden = parameter(url, "request_uri")?.is_some() || parameter(url, "request")?.is_some();
    if hidden || parameter(url, "response_type")?.is_none() {
        return Ok(());
    }
    if parameter(url, "code_challenge")?.is_none()
        || parameter(url, "code_challenge_method")?.as_deref() != Some("S256")
    {
        let what = "an authorization request has no code_challenge of the method S256";
        return Err(Rejection::new(App2AppCode::PkceRequired, what));
    }
    if parameter(url, "native_callback_uri")?.as_deref() != Some(callback) {
        let what = "an authorization request has not the flow's native_callback_uri";
        return Err(Rejection::new(App2AppCode::CallbackReplaced, what));
    }
    Ok(())
}
