use serde_json::{Value, json};

use super::{Accumulator, Kind};

fn pushed(kind: Kind, chunks: &[&str]) -> Accumulator {
    let mut sum = Accumulator::new(kind);
    for chunk in chunks {
        sum.push(chunk.as_bytes()).unwrap();
    }
    sum
}

fn text_of(sum: &Accumulator) -> String {
    String::from_utf8(sum.completion_json()).unwrap()
}

fn completion(chunks: &[&str]) -> Value {
    serde_json::from_str(&text_of(&pushed(Kind::Chat, chunks))).unwrap()
}

/// The message that these deltas make.
fn message(deltas: &[&str]) -> Value {
    let chunks: Vec<_> = deltas
        .iter()
        .map(|delta| format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#))
        .collect();
    let chunks: Vec<_> = chunks.iter().map(String::as_str).collect();
    completion(&chunks)["choices"][0]["message"].clone()
}

#[test]
fn a_plain_stream() {
    let sum = pushed(
        Kind::Chat,
        &[
            r#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":" "},"finish_reason":null}]}"#,
            r#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"id":"y","object":"chat.completion.chunk","created":2,"model":"n","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi\n"},"finish_reason":null}]}"#,
            r#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"</s>"},"finish_reason":null}]}"#,
            r#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"estimated_cost":1e-7}}"#,
        ],
    );
    let expected = r#"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":" Hi\n</s>"},"finish_reason":"stop"}],"usage":{"estimated_cost":1e-7}}"#;
    assert_eq!(text_of(&sum), expected);
    assert_eq!(sum.text(0), " Hi\n</s>");
    assert_eq!(sum.text(1), "");
    assert!(sum.finished());
    assert_eq!(sum.usage_json(), Some(r#"{"estimated_cost":1e-7}"#));
}

#[test]
fn nothing_at_all() {
    let sum = Accumulator::new(Kind::Chat);
    assert_eq!(text_of(&sum), r#"{"object":"chat.completion","choices":[]}"#);
    assert_eq!(
        text_of(&Accumulator::new(Kind::Text)),
        r#"{"object":"text_completion","choices":[]}"#
    );
    assert_eq!((sum.text(0), sum.finished(), sum.usage_json()), ("", false, None));
    assert_eq!(
        completion(&[r#"{"choices":null,"usage":null}"#]),
        json!({"choices": [], "usage": null, "object": "chat.completion"})
    );
}

#[test]
fn nulls_and_absence() {
    assert_eq!(message(&["null"]), json!({"role": "assistant"}));
    assert_eq!(message(&["{}"]), json!({"role": "assistant"}));
    assert_eq!(
        message(&[r#"{"role":null,"content":null}"#]),
        json!({"role": "assistant", "content": null})
    );
    assert_eq!(
        message(&[r#"{"content":""}"#, r#"{"content":null}"#]),
        json!({"role": "assistant", "content": ""})
    );
    assert_eq!(message(&[r#"{"content":null}"#, r#"{"content":"a"}"#])["content"], "a");
    assert_eq!(
        message(&[
            r#"{"role":"tool","tool_calls":null,"refusal":null}"#,
            r#"{"role":"assistant"}"#
        ]),
        json!({"role": "tool", "tool_calls": null, "refusal": null})
    );
    assert_eq!(
        message(&[r#"{"tool_calls":[{"index":0,"id":"a"}]}"#])["content"],
        Value::Null
    );
    assert!(message(&[r#"{"tool_calls":[]}"#]).get("content").is_none());
    assert_eq!(
        completion(&[r#"{"choices":[{"index":0}]}"#])["choices"][0],
        json!({"index": 0, "message": {"role": "assistant"}})
    );
}

#[test]
fn strings_of_every_name_are_joined() {
    let joined = message(&[
        r#"{"content":"a","reasoning_content":"b","reasoning":"c","refusal":"d","new":"e","name":"n","annotations":[1]}"#,
        r#"{"content":"A","reasoning_content":"B","reasoning":"C","refusal":"D","new":"E","name":"N","annotations":[ ]}"#,
        r#"{"new":null,"audio":{"id":1,"seconds":1},"n":1,"annotations":[{"x":2}, 3]}"#,
        r#"{"audio":{"id":2,"seconds":2},"n":1.50}"#,
    ]);
    let expected = json!({
        "role": "assistant", "content": "aA", "reasoning_content": "bB", "reasoning": "cC", "refusal": "dD", "new": "eE",
        "name": "n", "annotations": [1, {"x": 2}, 3], "audio": {"id": 1, "seconds": 2}, "n": 1.5,
    });
    assert_eq!(joined, expected);
}

#[test]
fn tool_calls_in_fragments() {
    let joined = message(&[
        r#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"get_","arguments":"{\"x\""}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"","type":null,"function":{"name":"f","arguments":": 1}"},"extra_content":{"s":1}},
                          {"index":1,"function":{"name":null,"arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":1,"function":{"name":"g"}},{"index":0,"function":{"name":"get_f"},"extra_content":null}]}"#,
    ]);
    let expected = json!([
        {"id": "a", "type": "function", "function": {"name": "get_f", "arguments": "{\"x\": 1}"}, "extra_content": {"s": 1}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]);
    assert_eq!(joined["tool_calls"], expected);
}

#[test]
fn tool_calls_without_index() {
    let ids = |deltas: &[&str]| -> Vec<String> {
        let message = message(deltas);
        let calls = message["tool_calls"].as_array().unwrap().iter();
        calls
            .map(|call| {
                format!(
                    "{}:{}",
                    call["id"].as_str().unwrap_or("-"),
                    call["function"]["arguments"].as_str().unwrap()
                )
            })
            .collect()
    };
    let whole = r#"{"tool_calls":[{"id":"a","function":{"arguments":"1"}},{"id":"b","function":{"arguments":"2"}}]}"#;
    assert_eq!(ids(&[whole]), ["a:1", "b:2"]);
    assert_eq!(ids(&[whole, whole]), ["a:11", "b:22"]);
    let first = r#"{"tool_calls":[{"id":"a","function":{"arguments":"1"}}]}"#;
    let second = r#"{"tool_calls":[{"id":"b","function":{"arguments":"2"}}]}"#;
    let more = r#"{"tool_calls":[{"function":{"arguments":"+"}}]}"#;
    assert_eq!(ids(&[first, more, second, more, more, second]), ["a:1+", "b:2++2"]);
    assert_eq!(ids(&[more, more]), ["-:++"]);
    let both = r#"{"tool_calls":[{"function":{"arguments":"+"}},{"function":{"arguments":"-"}}]}"#;
    assert_eq!(ids(&[both, both]), ["-:++", "-:--"]);
}

#[test]
fn odd_tool_calls() {
    assert_eq!(
        message(&[r#"{"tool_calls":[null,5,{"index":-1},{"index":18446744073709551615}]}"#])["tool_calls"],
        json!([{}, {}])
    );
    let whole = message(&[r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":{"x":1.0}}}]}"#]);
    assert_eq!(whole["tool_calls"][0]["function"]["arguments"], json!({"x": 1.0}));
    let custom = r#"{"tool_calls":[{"index":0,"type":"custom","custom":{"name":"c","input":"x"}}]}"#;
    assert_eq!(
        message(&[custom, custom])["tool_calls"][0]["custom"],
        json!({"name": "c", "input": "xx"})
    );
    let call = message(&[
        r#"{"function_call":{"name":"f","arguments":"{"}}"#,
        r#"{"function_call":{"arguments":"}"}}"#,
        r#"{"function_call":null}"#,
    ]);
    assert_eq!(call["function_call"], json!({"name": "f", "arguments": "{}"}));
}

#[test]
fn choices_by_index() {
    let sum = pushed(
        Kind::Chat,
        &[
            r#"{"choices":[{"index":2,"delta":{"content":"c"}},{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":2,"delta":{"content":"C"},"finish_reason":"length"},null,7]}"#,
            r#"{"choices":[{"delta":{"content":"A"},"finish_reason":null},{"delta":{"content":"b"}}]}"#,
        ],
    );
    assert_eq!((sum.text(0), sum.text(1), sum.text(2)), ("aA", "b", "cC"));
    let json: Value = serde_json::from_str(&text_of(&sum)).unwrap();
    let seen: Vec<_> = json["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["index"].as_u64().unwrap(), c["finish_reason"].as_str()))
        .collect();
    assert_eq!(seen, [(0, Some("stop")), (1, None), (2, Some("length"))]);
    assert!(!sum.finished());
}

#[test]
fn finish_reasons() {
    let finished = |reason: &str| {
        pushed(
            Kind::Chat,
            &[&format!(r#"{{"choices":[{{"index":0,"finish_reason":{reason}}}]}}"#)],
        )
        .finished()
    };
    assert!(finished(r#""stop""#));
    assert!(finished(r#""malformed_function_call""#));
    assert!(!finished("null"));
    assert!(!finished(r#""""#));
}

#[test]
fn logprobs_are_appended() {
    let json = completion(&[
        r#"{"choices":[{"index":0,"logprobs":null}]}"#,
        r#"{"choices":[{"index":0,"logprobs":{"content":[{"token":"a","logprob":-0.10}],"refusal":null}}]}"#,
        r#"{"choices":[{"index":0,"logprobs":{"content":[{"token":"b"},{"token":"c"}]}}]}"#,
        r#"{"choices":[{"index":0,"logprobs":null}]}"#,
    ]);
    let expected =
        json!({"content": [{"token": "a", "logprob": -0.10}, {"token": "b"}, {"token": "c"}], "refusal": null});
    assert_eq!(json["choices"][0]["logprobs"], expected);
    assert_eq!(
        completion(&[r#"{"choices":[{"index":0,"logprobs":null}]}"#])["choices"][0]["logprobs"],
        Value::Null
    );
}

#[test]
fn text_completions() {
    let chunk = |text: &str, offset: u32| {
        format!(
            r#"{{"object":"text_completion","choices":[{{"index":0,"text":"{text}","logprobs":{{"tokens":["{text}"],"token_logprobs":[-1.0],"top_logprobs":[null],"text_offset":[{offset}]}},"finish_reason":null}}]}}"#
        )
    };
    let sum = pushed(
        Kind::Text,
        &[
            &chunk("a", 0),
            &chunk("b", 1),
            r#"{"choices":[{"index":0,"text":"","finish_reason":"stop"}]}"#,
        ],
    );
    assert_eq!(
        text_of(&sum),
        r#"{"object":"text_completion","choices":[{"index":0,"text":"ab","logprobs":{"tokens":["a","b"],"token_logprobs":[-1.0,-1.0],"top_logprobs":[null,null],"text_offset":[0,1]},"finish_reason":"stop"}]}"#
    );
    assert_eq!(sum.text(0), "ab");
    assert!(sum.finished());
}

#[test]
fn numbers_and_unknown_members_keep_their_text() {
    let sum = pushed(
        Kind::Chat,
        &[
            r#"{"id":null,"created":1.0e9,"new":{"a":[1.10]},"seed":18446744073709551617,"service_tier":null}"#,
            r#"{"id":"i","created":2,"new":null,"service_tier":"flex","choices":[{"index":0,"stop_reason":128009,"token_ids":[1]}]}"#,
            r#"{"service_tier":null,"choices":[{"index":0,"stop_reason":null,"token_ids":[2,3]}]}"#,
        ],
    );
    assert_eq!(
        text_of(&sum),
        r#"{"id":"i","created":1.0e9,"new":{"a":[1.10]},"seed":18446744073709551617,"service_tier":"flex","choices":[{"index":0,"stop_reason":128009,"token_ids":[1,2,3],"message":{"role":"assistant"}}],"object":"chat.completion"}"#
    );
}

#[test]
fn usage_is_never_added_up() {
    let sum = pushed(
        Kind::Chat,
        &[
            r#"{"usage":{"total_tokens":1}}"#,
            r#"{"choices":[],"usage":{"total_tokens":2}}"#,
            r#"{"usage":null}"#,
        ],
    );
    assert_eq!(sum.usage_json(), Some(r#"{"total_tokens":2}"#));
}

#[test]
fn halves_of_a_surrogate_pair() {
    assert_eq!(
        message(&[r#"{"content":"a\ud83d"}"#, r#"{"content":"\ude00"}"#])["content"],
        "a😀"
    );
    assert_eq!(
        message(&[r#"{"content":"a\ud83d"}"#, r#"{"content":"b"}"#])["content"],
        "a\u{FFFD}b"
    );
}

#[test]
fn what_is_not_an_object_is_refused() {
    let mut sum = Accumulator::new(Kind::Chat);
    for bad in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{",
        r#"{"a":1}x"#,
        "[DONE]",
        r#"{"choices":[{"delta":{"content":"a}]}"#,
        "{\"a\":\"\n\"}",
    ] {
        assert!(sum.push(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(sum.push(b"{\"a\":\"\xFF\"}").is_err());
    assert_eq!(text_of(&sum), r#"{"object":"chat.completion","choices":[]}"#);
    sum.push(b" {\"id\":1}\n").unwrap();
    assert_eq!(text_of(&sum), r#"{"id":1,"object":"chat.completion","choices":[]}"#);
}

#[test]
fn odd_shapes_are_passed_over() {
    let sum = pushed(
        Kind::Chat,
        &[
            r#"{"choices":5}"#,
            r#"{"choices":[[],{"index":0,"delta":7},{"index":"0","delta":{"content":["x"],"tool_calls":{},"function_call":"f"}}]}"#,
        ],
    );
    assert_eq!(
        text_of(&sum),
        r#"{"choices":[{"index":0,"message":{"role":"assistant"}},{"index":2,"message":{"role":"assistant","content":["x"],"tool_calls":{},"function_call":"f"}}],"object":"chat.completion"}"#
    );
}

#[test]
fn deep_nesting_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(300_000), "]".repeat(300_000));
    for chunk in [
        format!(r#"{{"x":{deep}}}"#),
        format!(r#"{{"choices":{deep}}}"#),
        format!(
            r#"{{"choices":[{{"delta":{{"content":{deep},"tool_calls":{deep}}},"logprobs":{{"content":{deep}}}}}]}}"#
        ),
        format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"function":{{"arguments":{deep}}},"extra":{deep}}}]}}}}]}}"#
        ),
    ] {
        let sum = pushed(Kind::Chat, &[&chunk, &chunk]);
        assert!(sum.completion_json().len() > 30);
    }
}

#[test]
fn many_names_stay_quick_to_find() {
    let wide: Vec<_> = (0..50_000).map(|n| format!(r#""k{n}":{n}"#)).collect();
    let chunk = format!("{{{}}}", wide.join(","));
    let sum = pushed(Kind::Chat, &[&chunk, &chunk]);
    let json: Value = serde_json::from_str(&text_of(&sum)).unwrap();
    assert_eq!(json["k49999"], 49_999);
    assert_eq!(json.as_object().unwrap().len(), 50_002);
}

#[test]
fn the_same_again_but_for_the_content() {
    let chunk = |content: &str| {
        format!(
            r#"{{"id":"i","choices":[{{"index":1,"delta":{{"role":"assistant","content":"{content}","tool_calls":null}},"finish_reason":null}}],"usage":null}}"#
        )
    };
    let mut cheap = pushed(Kind::Chat, &[&chunk("a")]);
    for text in ["b", "", "é"] {
        assert!(cheap.push_content(text));
    }
    let general = pushed(Kind::Chat, &[&chunk("a"), &chunk("b"), &chunk(""), &chunk("é")]);
    assert_eq!(text_of(&cheap), text_of(&general));
    assert_eq!(cheap.text(1), "abé");
}

#[test]
fn what_had_more_to_add_is_not_repeated() {
    let repeatable = |chunk: &str| pushed(Kind::Chat, &[chunk]).push_content("x");
    assert!(!Accumulator::new(Kind::Chat).push_content("x"));
    for delta in [
        r#"{"content":null}"#,
        "{}",
        r#"{"content":"a","content":"b"}"#,
        r#"{"content":"a","reasoning":"b"}"#,
        r#"{"content":"a","annotations":[1]}"#,
        r#"{"content":"a","tool_calls":[{"index":0}]}"#,
        r#"{"content":"a","function_call":{"arguments":"b"}}"#,
        r#"{"content":["a"]}"#,
    ] {
        assert!(
            !repeatable(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)),
            "{delta}"
        );
    }
    for chunk in [
        r#"{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}},{"index":1}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"choices":[{"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"text":"a"}]}"#,
    ] {
        assert!(!repeatable(chunk), "{chunk}");
    }
    for delta in [
        r#"{"content":"a","reasoning":"","annotations":[],"x":{"y":1},"role":"r"}"#,
        r#"{"content":"","tool_calls":[]}"#,
    ] {
        assert!(
            repeatable(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)),
            "{delta}"
        );
    }
    let string = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    let null = r#"{"choices":[{"delta":{"content":null}}]}"#;
    assert!(!pushed(Kind::Chat, &[string, null]).push_content("x"));
    assert!(pushed(Kind::Chat, &[null, string]).push_content("x"));
    let mut sum = pushed(Kind::Chat, &[string]);
    assert!(sum.push(b"{").is_err());
    assert!(!sum.push_content("x"));
    assert!(pushed(Kind::Text, &[r#"{"choices":[{"text":"a"}]}"#]).push_content("x"));
}

#[test]
fn an_object_in_parts_is_joined() {
    let mut sum = Accumulator::new(Kind::Chat);
    for audio in [
        r#"{"id":"a1","data":"QU"}"#,
        r#"{"id":"a1","data":"JD","expires_at":7}"#,
        r#"{"x":{"y":"z"}}"#,
    ] {
        let chunk = format!(r#"{{"choices":[{{"index":0,"delta":{{"audio":{audio}}}}}]}}"#);
        sum.push(chunk.as_bytes()).unwrap();
    }
    let json = String::from_utf8(sum.completion_json()).unwrap();
    assert!(
        json.contains(r#""audio":{"id":"a1","data":"QUJD","expires_at":7,"x":{"y":"z"}}"#),
        "{json}"
    );
}
