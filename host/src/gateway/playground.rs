//! The playground on the admin listener: static files that `make dist` lays beside the program.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::get;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Where it begins. Its own paths are relative, so that it can be laid anywhere.
pub(crate) const START: &str = "/playground/";

/// The same without its last slash.
const PATH: &str = "/playground";

/// What a page of this listener may do, beside what the page itself says: nobody frames it, and it names nobody to others.
const HEADERS: [(header::HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// The pages in a folder, or where there are none, a line that says how to get them.
pub(crate) fn router(folder: &Path) -> Router {
    if !folder.join("index.html").is_file() {
        let missing = || async {
            (StatusCode::NOT_FOUND, "the playground is not beside this program: make dist\n").into_response()
        };
        return Router::new().route(PATH, get(missing)).route(START, get(missing));
    }
    let mut files = Router::new().fallback_service(ServeDir::new(folder));
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        files = files.layer(SetResponseHeaderLayer::overriding(name, value));
    }
    Router::new().route(PATH, get(|| async { Redirect::permanent(START) })).nest_service(START, files)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn asked(folder: &Path, path: &str) -> (StatusCode, Option<String>) {
        let response = router(folder).oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY);
        (response.status(), policy.map(|value| value.to_str().unwrap().into()))
    }

    #[tokio::test]
    async fn pages_are_served_where_they_are_and_nothing_around_them() {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("playground");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(around.path().join("secret"), "secret").unwrap();
        assert_eq!(asked(&folder, "/playground/").await.0, StatusCode::NOT_FOUND, "nothing is there yet");
        std::fs::write(folder.join("index.html"), "<!doctype html>").unwrap();
        let framed = Some("frame-ancestors 'none'".into());
        assert_eq!(asked(&folder, "/playground/").await, (StatusCode::OK, framed.clone()));
        assert_eq!(asked(&folder, "/playground/index.html").await, (StatusCode::OK, framed));
        assert_eq!(asked(&folder, "/playground").await.0, StatusCode::PERMANENT_REDIRECT);
        for path in
            ["/playground/../secret", "/playground/%2e%2e/secret", "/playground/..%2fsecret", "/playground/none"]
        {
            assert_eq!(asked(&folder, path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
