use super::ErrorBody;

fn decode(body: &str) -> ErrorBody {
    ErrorBody::decode(Some("application/json"), body.as_bytes())
}

fn message(body: &str) -> String {
    decode(body).message
}

#[test]
fn an_error_object() {
    let said =
        decode(r#"{"error":{"message":"Model busy, retry later","type":"x","param":null,"code":"engine_overloaded"}}"#);
    assert_eq!(said.message, "Model busy, retry later");
    assert_eq!(said.code.as_deref(), Some("engine_overloaded"));
    assert_eq!(said.kind.as_deref(), Some("x"));
    assert_eq!(said.param, None);
    let said = decode(r#" {"error":{"code":429,"message":"m","param":"n"}} "#);
    assert_eq!((said.code.as_deref(), said.param.as_deref()), (Some("429"), Some("n")));
    assert_eq!(message(r#"{"error":{"message":{"a":1}}}"#), r#"{"a":1}"#);
    assert_eq!(message(r#"{"error":{"reason":"r"}}"#), r#"{"reason":"r"}"#);
    assert_eq!(
        decode(r#"{"error":{"message":""},"code":5}"#).code.as_deref(),
        Some("5")
    );
}

#[test]
fn strings_and_nesting() {
    assert_eq!(message(r#"{"error":"text"}"#), "text");
    assert_eq!(message(r#"{"detail":"Not authenticated"}"#), "Not authenticated");
    assert_eq!(message(r#"{"detail":{"error":"text"}}"#), "text");
    assert_eq!(message(r#"{"detail":{"error":{"message":"text"}}}"#), "text");
    assert_eq!(message(r#"{"error":null,"detail":"text"}"#), "text");
    assert_eq!(message(r#"{"message":"text","code":7}"#), "text");
    assert_eq!(
        decode(r#"{"object":"error","message":"m","type":"T","code":400}"#)
            .kind
            .as_deref(),
        Some("T")
    );
    assert_eq!(
        message(r#"{"error":"Not Found","message":"no such route"}"#),
        "Not Found: no such route"
    );
    assert_eq!(message(r#"{"message":"failed","detail":"why"}"#), "failed: why");
    assert_eq!(message(r#"{"message":"m","error":"m"}"#), "m");
    assert_eq!(message(r#"[{"error":{"message":"text","code":3}}]"#), "text");
    assert_eq!(message(r#""text""#), "text");
    assert_eq!(message(r#"{"errors":["a","b"]}"#), "a; b");
    assert_eq!(message(r#"{"status":5}"#), r#"{"status":5}"#);
    assert_eq!(message("17"), "17");
    for nothing in [
        "",
        " \n",
        "{}",
        "[]",
        "null",
        r#"{"error":{}}"#,
        r#"{"error":"","message":""}"#,
    ] {
        assert_eq!(decode(nothing), ErrorBody::default(), "{nothing}");
    }
}

#[test]
fn validation_details() {
    let said = decode(
        r#"{"detail":[{"loc":["body","messages",0,"content"],"msg":"field required","type":"value_error.missing"},
        {"loc":["body"],"msg":"bad","type":"t"},{"loc":[],"msg":"worse"},{"loc":"here","msg":"worst"}]}"#,
    );
    assert_eq!(
        said.message,
        "messages.0.content: field required; body: bad; worse; here: worst"
    );
    assert_eq!((said.kind, said.param), (None, None));
    let many = format!(
        r#"{{"detail":[{}]}}"#,
        vec![r#"{"loc":["a"],"msg":"b"}"#; 1000].join(",")
    );
    assert_eq!(message(&many), format!("{}…", "a: b; ".repeat(8)));
}

#[test]
fn html_and_text() {
    let html = |page: &str| ErrorBody::decode(Some("Text/HTML; charset=utf-8"), page.as_bytes()).message;
    assert_eq!(
        html("<html><head><TITLE lang=en>\n502 Bad\n Gateway &amp; Co</Title></head><body>x</body></html>"),
        "502 Bad Gateway & Co"
    );
    assert_eq!(
        html("<html><style>p{}</style><!-- <p> --><p>Too many<br>requests</p><script>1>2</script>"),
        "Too many requests"
    );
    assert_eq!(html("<title></title><h1>Down"), "Down");
    assert_eq!(html("<title>Oops"), "Oops");
    assert_eq!(html("<p"), "");
    assert_eq!(
        ErrorBody::decode(None, b"<!doctype html><title>No</title>").message,
        "No"
    );
    assert_eq!(
        ErrorBody::decode(None, b"upstream connect\r\n error").message,
        "upstream connect error"
    );
    assert_eq!(
        ErrorBody::decode(None, br#"{"error": {"mess"#).message,
        r#"{"error": {"mess"#
    );
    assert_eq!(
        ErrorBody::decode(Some("text/plain"), b"\xEF\xBB\xBF{\"error\":\"x\"}").message,
        "x"
    );
}

#[test]
fn messages_are_printable_and_short() {
    assert_eq!(
        message(r#"{"error":"a\n\u001b[31mb\u0000\u202e"}"#),
        "a \u{FFFD}[31mb\u{FFFD}\u{FFFD}"
    );
    assert_eq!(
        ErrorBody::decode(None, b"{\"error\":\"\xFF\xC3\"}").message,
        "\u{FFFD}\u{FFFD}"
    );
    assert_eq!(message(r#"{"error":"half \ud83d"}"#), r"half \ud83d");
    let long = message(&format!(r#"{{"error":"{}"}}"#, "é".repeat(501)));
    assert_eq!(long, format!("{}…", "é".repeat(500)));
    assert_eq!(message(&format!(r#""{}""#, "é".repeat(500))), "é".repeat(500));
}

#[test]
fn deep_nesting_costs_no_stack() {
    const DEPTH: usize = 300_000;
    let lists = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = format!("{}1{}", r#"{"error":"#.repeat(DEPTH), "}".repeat(DEPTH));
    for body in [&lists, &objects, &"[".repeat(DEPTH), &"{\"detail\":".repeat(DEPTH)] {
        let said = decode(body);
        assert_eq!(said.message.chars().count(), 501);
    }
    assert_eq!(message(&format!(r#"{{"error":"x","more":{lists}}}"#)), "x");
    assert!(ErrorBody::in_stream(objects.as_bytes()).is_some());
}

#[test]
fn errors_in_a_stream() {
    let found = |data: &str| ErrorBody::in_stream(data.as_bytes()).map(|said| said.message);
    assert_eq!(found(r#"{"error":{"message":"m"}}"#).as_deref(), Some("m"));
    assert_eq!(found(r#" {"error":"m","choices":[]} "#).as_deref(), Some("m"));
    assert_eq!(found(r#"{"error":""}"#).as_deref(), Some(""));
    assert_eq!(found(r#"{"detail":"m"}"#).as_deref(), Some("m"));
    assert_eq!(found(r#"{"object":"error","message":"m"}"#).as_deref(), Some("m"));
    for none in [
        r#"{"error":null,"choices":[]}"#,
        r#"{"error":null}"#,
        r#"{"error":{},"choices":[]}"#,
        r#"{"error":[ ],"choices":[]}"#,
        r#"{"detail":"m","choices":[]}"#,
        r#"{"detail":null}"#,
        r#"{"choices":[{"delta":{"content":"the \"error\""}}]}"#,
        r#"{"choices":[{"delta":{"error":"x"}}]}"#,
        r#"{"error":"#,
        r#"["error"]"#,
        "[DONE]",
        "",
    ] {
        assert_eq!(found(none), None, "{none}");
    }
    assert_eq!(ErrorBody::in_stream(b"{\"error\":\"\xFF\"}"), None);
}

#[test]
fn failures_that_come_back() {
    let account = decode(r#"{"detail":{"error":"New accounts need established payment history to use this model."}}"#);
    assert!(!account.is_curable(429));
    assert!(account.is_curable(503));
    let input = decode(r#"{"error":{"message":"Requested input length 9 exceeds maximum input length 8"}}"#);
    assert!(!input.is_curable(500));
    assert!(input.is_curable(429));
    let late = decode(&format!(
        r#"{{"error":"{}: Requested input length 9 exceeds maximum input length 8"}}"#,
        "x".repeat(600)
    ));
    assert!(!late.is_curable(500));
    assert!(decode(r#"{"error":"Model busy, retry later"}"#).is_curable(429));
    assert!(ErrorBody::default().is_curable(500));
}
