//! The page that asks a person.

use std::fmt::Write as _;

use super::request::Request;

/// The page for a request, with the ticket of its form.
pub(super) fn page(request: &Request, ticket: &str, action: &str) -> String {
    let mut rows = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a text does not fail.
        let _ = write!(rows, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
    };
    row("Client", &request.client_id);
    row("Goes back to", &request.redirect_uri);
    row("Scope", request.scope.as_deref().unwrap_or("none"));
    if let Some(details) = &request.details {
        row("Authorization details", &format!("{details:#}"));
    }
    row("Authentication", request.acr);
    if let Some(max_age) = request.max_age {
        row("Not longer ago than", &format!("{max_age} seconds"));
    }
    row("Lasts", &format!("{} seconds", request.lasts));
    let body = format!(
        "<p>This issuer is for demonstration: nobody signs in, and whoever presses a button is alice.</p>\
         <dl>{rows}</dl>\
         <form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"ticket\" value=\"{}\">\
         <button name=\"decision\" value=\"allow\">Allow</button> \
         <button name=\"decision\" value=\"deny\">Deny</button></form>",
        escaped(ticket)
    );
    document("Allow this client?", &body)
}

/// The page that says why a request cannot be shown, and that the client is not told.
pub(super) fn refusal(detail: &str) -> String {
    document("This request cannot be answered", &format!("<p>{}</p>", escaped(detail)))
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head><body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )
}

/// A text as HTML has it, between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// What the page may do: nothing but send its form, and be sent back to the client by it.
pub(super) fn content_security_policy(request: Option<&Request>) -> String {
    // A redirect after a form has to be allowed too. There is no writing IPv6 addresses in a source of CSP.
    let back = request.map_or("", |request| if request.origin.contains('[') { "http:" } else { &request.origin });
    format!("default-src 'none'; base-uri 'none'; form-action 'self' {back}; frame-ancestors 'none'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_text_on_the_page() {
        let query = "client_id=%3Cscript%3E&redirect_uri=http://127.0.0.1:1/&response_type=code&code_challenge_method=S256\
                     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                     &authorization_details=%5B%7B%22type%22%3A%22payment%22%2C%22to%22%3A%22%3Cimg%3E%22%7D%5D";
        let request = Request::read(query).unwrap();
        let page = page(&request, "t\"", "/a");
        assert!(page.contains("&lt;script&gt;") && page.contains("&lt;img&gt;") && page.contains("value=\"t&quot;\""));
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(content_security_policy(Some(&request)).contains("form-action 'self' http://127.0.0.1:1;"));
        assert!(!refusal("<b>").contains("<b>"));
    }
}
