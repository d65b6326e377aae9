//! Files, by WebDAV: to who has a share of them.

use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use dav_server::DavHandler;
use dav_server::localfs::LocalFs;

use crate::said::Said;
use crate::state::Server;

/// Where WebDAV begins.
pub(crate) const ROOT: &str = "/dav/";

/// Any request below it: Portcullis says whether it opens the share, and what it does then is WebDAV's.
pub(crate) async fn serve(State(server): State<Arc<Server>>, request: Request) -> Response {
    let path = request.uri().path();
    let id = path.strip_prefix(ROOT).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
    // The body of a request is for one thread at a time: what is waited for has the rest.
    let (headers, method) = (request.headers().clone(), request.method().clone());
    let file = match open(&server, &id, &headers, &method).await {
        Ok(file) => file,
        Err(said) => return refused(said),
    };
    // A file alone, or a folder with what is in it. Links in it are not followed out of it.
    let system = if file.is_dir() { LocalFs::new(file, false, false, false) } else { LocalFs::new_file(file, false) };
    let dav = DavHandler::builder().filesystem(system).strip_prefix(format!("{ROOT}{id}")).hide_symlinks(true);
    dav.build_handler().handle(request).await.map(Body::new)
}

/// The file of a share that a request opens.
async fn open(server: &Server, id: &str, headers: &HeaderMap, method: &Method) -> Result<PathBuf, Said> {
    let text = |value: &HeaderValue| value.to_str().map(ToOwned::to_owned);
    let values = headers.get_all(AUTHORIZATION).iter().map(text);
    let values: Vec<String> = values.collect::<Result<_, _>>().map_err(|_| Said::malformed("Authorization"))?;
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let (share, issued, place) = {
        let kept = server.kept.lock().await;
        let sent = kept.sent.iter().find(|sent| sent.id() == id).ok_or_else(|| Said::missing("share"))?;
        (sent.held(), sent.issued.clone(), place(server, &sent.user, &sent.path)?)
    };
    let opened = server.decisions.access(&share, issued, &values, method.as_str(), &server.settings.listed);
    opened.await.map_err(|no| {
        let said = Said::refused(no, StatusCode::UNAUTHORIZED);
        // Who may read and wants to write need not ask for another token.
        let status = if said.error == "ocm.access_permission" { StatusCode::FORBIDDEN } else { said.status };
        Said { status, ..said }
    })?;
    Ok(place)
}

fn refused(said: Said) -> Response {
    let unauthorized = said.status == StatusCode::UNAUTHORIZED;
    let mut response = said.into_response();
    if unauthorized {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Where a user's file is: below the user's folder, and there.
pub(crate) fn place(server: &Server, user: &str, path: &str) -> Result<PathBuf, Said> {
    let path = FilePath::new(path);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if path.as_os_str().is_empty() || !plain {
        return Err(Said::malformed("a file is named by a path below its owner's folder"));
    }
    let place = server.settings.files.join(user).join(path);
    if place.exists() { Ok(place) } else { Err(Said::missing("file")) }
}
