//! The playground on the admin listener: static files that `make dist` lays beside the program.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Where it is.
pub(crate) const PATH: &str = "/playground";

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
        return Router::new().route(PATH, get(missing)).route(&format!("{PATH}/"), get(missing));
    }
    let mut files = Router::new().fallback_service(ServeDir::new(folder));
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        files = files.layer(ServiceBuilder::new().layer(SetResponseHeaderLayer::overriding(name, value)));
    }
    // Its own paths are relative, so that it can be laid anywhere.
    Router::new()
        .route(PATH, get(|| async { Redirect::permanent("/playground/") }))
        .nest_service(&format!("{PATH}/"), files)
}
