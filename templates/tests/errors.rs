//! What a person is told when a template has no value.

use std::collections::BTreeMap;
use std::sync::Arc;

use hive_templates::{Error, ErrorKind, InMemory, Templates, Value, Variables};

struct Scope;

impl Variables for Scope {
    fn value(&self, name: &str) -> Option<Result<Value, Error>> {
        let templates = Templates::new(Arc::new(InMemory::new()));
        Some(match name {
            "host" => Ok(Value::from("h1")),
            "settings" => Ok(Value::from_pairs([("port", 80)])),
            "outer" => templates.render("{{ middle }}!", Arc::new(Scope)),
            "middle" => templates.render("{{ missing.a }}", Arc::new(Scope)),
            "circle" => Err(Error::variable_loop(
                "circle",
                &["circle".into(), "x".into()],
            )),
            _ => return None,
        })
    }

    fn names(&self) -> Vec<String> {
        ["host", "settings", "outer", "middle"]
            .map(String::from)
            .to_vec()
    }
}

fn failure(text: &str) -> Error {
    let surroundings = InMemory::new().with_file("vaulted", "$ANSIBLE_VAULT;1.1;AES256\n00");
    let templates = Templates::new(Arc::new(surroundings));
    match templates.render(text, Arc::new(Scope)) {
        Err(error) => error,
        Ok(value) => panic!("{text} has the value {value}"),
    }
}

#[test]
fn each_mistake_has_its_message_its_place_and_a_way_out() {
    let table = [
        (
            "{{ hots }}",
            "`hots` is undefined",
            "hots",
            "did you mean `host`?",
        ),
        (
            "a {{ nothing }}",
            "`nothing` is undefined",
            "nothing",
            "give `nothing` a value",
        ),
        (
            "{{ settings.prot }}",
            "`settings` has no entry `prot`",
            "settings.prot",
            "did you mean `port`?",
        ),
        (
            "{{ settings['x'] }}",
            "`settings` has no entry `x`",
            "settings['x']",
            "give",
        ),
        (
            "{{ '\\d' ~ hots }}",
            "`hots` is undefined",
            "hots",
            "did you mean `host`?",
        ),
        (
            "{{ host | uper }}",
            "there is no filter `uper`",
            "uper",
            "did you mean `upper`?",
        ),
        (
            "{{ host | ansible.builtin.defalt(1) }}",
            "there is no filter `ansible.builtin.defalt`",
            "ansible.builtin.defalt(1)",
            "did you mean `default`?",
        ),
        (
            "{{ host is machted }}",
            "there is no test `machted`",
            "machted",
            "",
        ),
        (
            "{{ host is definde }}",
            "there is no test `definde`",
            "definde",
            "did you mean `defined`?",
        ),
        (
            "{{ lookup('fiel', 'a') }}",
            "there is no lookup `fiel`",
            "lookup",
            "did you mean `file`?",
        ),
        (
            "{{ lookup('pipe', 'ls') }}",
            "the lookup `pipe` is not supported",
            "lookup",
            "programs are not started",
        ),
        (
            "{{ lookup('url', 'x') }}",
            "the lookup `url` is not supported",
            "lookup",
            "nothing is downloaded",
        ),
        (
            "{{ lookup('file', 'no') }}",
            "the lookup `file`: there is no file `no`",
            "lookup",
            "create it",
        ),
        (
            "{{ lookup('file', 'vaulted') }}",
            "the lookup `file`: the file `vaulted` is encrypted with ansible-vault, which is not supported",
            "lookup",
            "ansible-vault decrypt",
        ),
        (
            "{{ rang(3) }}",
            "there is no function `rang`",
            "rang",
            "did you mean `range`?",
        ),
        (
            "{{ host.uper() }}",
            "the text `h1` has no method `uper`",
            "host.uper",
            "",
        ),
        (
            "{{ 'a' + 1 }}",
            "`+` does not work on the text `a` and the number 1",
            "'a' + 1",
            "join texts with `~`",
        ),
        ("{{ 1 / 0 }}", "division by zero", "1 / 0", ""),
        (
            "{{ host | from_json }}",
            "the filter `from_json`: this is not JSON: expected value at line 1 column 1",
            "from_json",
            "",
        ),
        (
            "{{ host | regex_replace('(', '') }}",
            "the filter `regex_replace`: `(` is not a regular expression",
            "regex_replace('(', '')",
            "",
        ),
        (
            "{{ 5 | combine({}) }}",
            "the filter `combine`: mappings are needed, not the number 5",
            "combine({})",
            "",
        ),
        (
            "{{ missing | mandatory }}",
            "the mandatory variable `missing` is undefined",
            "mandatory",
            "",
        ),
        (
            "{{ host ",
            "the template is not well formed",
            "",
            "close every",
        ),
        (
            "{% if host %}a",
            "the template is not well formed",
            "",
            "close every",
        ),
        (
            "{% for x in 5 %}{% endfor %}",
            "the number 5 has no items to go through",
            "5",
            "",
        ),
        (
            "{{ 'yes' if hots else 'no' }}",
            "`hots` is undefined",
            "hots",
            "did you mean",
        ),
        (
            "{{ [hots] }}",
            "`hots` is undefined",
            "hots",
            "did you mean",
        ),
        (
            "{{ '10.0.0.1' | ipaddr('netmsk') }}",
            "the filter `ipaddr`: an address can't be asked for `netmsk`",
            "ipaddr('netmsk')",
            "did you mean `netmask`?",
        ),
    ];
    let mut wrong = Vec::new();
    for (text, message, place, next_step) in table {
        let error = failure(text);
        let found = error.range().map_or("", |range| &text[range]);
        let told = error.next_step().unwrap_or_default();
        if !error.message().starts_with(message)
            || !found.contains(place)
            || !told.contains(next_step)
        {
            wrong.push(format!("{text}: {} / {found} / {told}", error.message()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_chain_of_variables_is_kept_as_causes() {
    let error = failure("{{ outer }}");
    assert_eq!(error.kind(), &ErrorKind::Undefined("missing".into()));
    assert_eq!(error.message(), "the variable `outer` can't be evaluated");
    let middle = error.cause().expect("why outer fails");
    assert_eq!(middle.message(), "the variable `middle` can't be evaluated");
    let first = middle.cause().expect("why middle fails");
    assert_eq!(first.message(), "`missing` is undefined");
    assert_eq!(first.range(), Some(3..10));
}

#[test]
fn what_is_undefined_deeper_can_be_defaulted() {
    let templates = Templates::new(Arc::new(InMemory::new()));
    let value = templates
        .render("{{ outer | default('x') }}", Arc::new(Scope))
        .unwrap();
    assert_eq!(value.as_str(), Some("x"));
    let value = templates
        .render("{{ outer is defined }}", Arc::new(Scope))
        .unwrap();
    assert_eq!(value, Value::from(false));
}

#[test]
fn a_loop_is_not_taken_for_something_undefined() {
    let error = failure("{{ circle | default('x') }}");
    assert_eq!(error.kind(), &ErrorKind::Loop("circle".into()));
    let cause = error.cause().expect("the loop itself");
    assert_eq!(
        cause.message(),
        "the variable `circle` needs itself: circle → x → circle"
    );
}

#[test]
fn a_password_is_made_once_and_read_from_then_on() {
    let surroundings = Arc::new(InMemory::new());
    let templates = Templates::new(surroundings.clone());
    let nothing: Arc<BTreeMap<String, Value>> = Arc::default();
    let text = "{{ lookup('password', 'secrets/db length=12 chars=ascii_lowercase,digits') }}";
    let first = templates.render(text, nothing.clone()).unwrap();
    let first = first.as_str().unwrap();
    assert_eq!(first.len(), 12);
    assert!(
        first
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    );
    let kept = surroundings.file("secrets/db").expect("the file");
    assert_eq!(String::from_utf8(kept).unwrap(), format!("{first}\n"));
    let again = templates
        .render("{{ lookup('password', 'secrets/db') }}", nothing)
        .unwrap();
    assert_eq!(again.as_str(), Some(first));
}

#[test]
fn files_and_template_files_are_found_in_the_site() {
    let surroundings = InMemory::new()
        .with_file("files/motd", "hello\n\n")
        .with_file(
            "templates/conf.j2",
            "{% for p in ports %}\nport {{ p }}\n{% endfor %}\n",
        )
        .with_file("b.yml", "x");
    let templates = Templates::new(Arc::new(surroundings));
    let variables: BTreeMap<String, Value> =
        BTreeMap::from([("ports".into(), Value::from(vec![80, 443]))]);
    let variables = Arc::new(variables);
    for (text, expected) in [
        ("{{ lookup('file', 'motd') }}", "hello"),
        ("{{ lookup('template', 'conf.j2') }}", "port 80\nport 443\n"),
        ("{{ lookup('first_found', ['a.yml', 'b.yml']) }}", "b.yml"),
        (
            "{{ lookup('first_found', {'files': ['motd'], 'paths': ['x', 'files']}) }}",
            "files/motd",
        ),
        ("{{ lookup('fileglob', 'files/mo*') }}", "files/motd"),
        ("{{ 'b.yml' is file }}", "True"),
        ("{{ 'files' is directory }}", "True"),
        ("{{ lookup('file', 'none', errors='ignore') }}", ""),
    ] {
        let value = templates.render(text, variables.clone()).unwrap();
        assert_eq!(value.to_string(), expected, "{text}");
    }
}
