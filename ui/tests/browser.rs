//! The page in a real browser, fed with a swarm that is made up here.

#![allow(clippy::unwrap_used)]

mod chromium;
mod swarm;

use std::sync::Arc;

use chromium::Browser;
use hive_ui::Server;
use hive_ui::server::Title;
use hive_ui::watch::Board;
use serde_json::json;
use swarm::Swarm;

/// A server on threads of its own, so that the test may wait for the browser.
struct Page {
    board: Arc<Board>,
    url: String,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Page {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let board = Arc::new(Board::default());
        let title = Title {
            site: "shop.example".into(),
            stage: "private".into(),
        };
        let server = runtime
            .block_on(Server::bind(0, title, board.clone()))
            .unwrap();
        let url = server.url();
        runtime.spawn(server.run());
        Self {
            board,
            url,
            runtime: Some(runtime),
        }
    }

    fn end(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

fn browser() -> Option<Browser> {
    match chromium::missing() {
        Ok(program) => Some(Browser::start(&program)),
        Err(why) => {
            println!("SKIPPED: the page in a browser: {why}");
            None
        }
    }
}

/// The contrast of every text that can be seen with its ground, the worst first.
const CONTRAST: &str = r#"(() => {
  const channels = (text) => { const m = text.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = (node) => { for (let at = node; at; at = at.parentElement) { const c = channels(getComputedStyle(at).backgroundColor); if (c[3] > .99) return c; } return [255, 255, 255, 1]; };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !at.checkVisibility() || at.closest('.hidden, .skip, script, noscript')) continue;
    const a = light(channels(getComputedStyle(at).color).slice(0, 3)), b = light(ground(at).slice(0, 3));
    found.push([(Math.max(a, b) + .05) / (Math.min(a, b) + .05), at.className + ': ' + walk.currentNode.data.slice(0, 30)]);
  }
  found.sort((a, b) => a[0] - b[0]);
  return found.slice(0, 3);
})()"#;

fn can_be_read(browser: &Browser, what: &str) {
    let worst = browser.value(CONTRAST);
    let least = worst[0][0].as_f64().unwrap();
    assert!(least >= 4.5, "{what}: contrasts {worst}");
    let wide = browser.value("document.documentElement.scrollWidth - innerWidth");
    assert_eq!(wide, json!(0), "{what} is wider than the window");
}

#[test]
fn the_page_follows_the_swarm_and_says_when_it_does_not() {
    let Some(browser) = browser() else { return };
    let mut page = Page::start();
    browser.looks(1280, 900, false);
    browser.open(&page.url);
    browser.wait("document.querySelector('#view .empty').textContent.includes('Connecting')");

    let mut swarm = Swarm::new(3);
    swarm.running("web", 2, json!({}));
    page.board.seen(swarm.snapshot());
    browser.wait("document.querySelectorAll('.host').length === 3");
    browser.wait("document.querySelectorAll('.task').length === 2");
    browser.wait("document.querySelector('#problems').textContent.includes('Nothing is wrong')");
    assert!(
        browser
            .text("document.querySelector('#link').textContent")
            .contains("live")
    );
    browser.shot("calm-1280-light", false);

    // A change comes by itself; what has the focus keeps it.
    browser
        .value("document.querySelector('.task').focus(); window.held = document.activeElement; 1");
    swarm.service("billing", 1, json!({}));
    swarm.failed(
        "billing",
        1,
        "h2",
        1,
        "No such image: registry.example:5000/image_billing:latest",
    );
    swarm.task("billing", 1, "h2", "ready", 0);
    swarm.down("h3", 4);
    page.board.seen(swarm.snapshot());
    browser.wait(
        "document.querySelector('#problems').textContent.includes('billing: 0 of 1 running')",
    );
    browser.wait("document.querySelector('#problems').textContent.includes('h3 is down')");
    assert_eq!(
        browser.value("document.activeElement === window.held"),
        json!(true)
    );
    let code = browser.text("document.querySelector('#problems code').textContent");
    assert!(code.starts_with("hive "), "{code}");

    // What is made to look like HTML stays a text.
    swarm.service(
        "evil",
        1,
        json!({"Labels": {"x": "<img src=x onerror=alert(1)>"}}),
    );
    swarm.failed("evil", 1, "h1", 1, "<script>alert(1)</script>");
    swarm.task("evil", 1, "h1", "ready", 0);
    page.board.seen(swarm.snapshot());
    browser.value("location.hash = '#/service/evil'; 1");
    browser.wait("document.querySelector('#view h2').textContent === 'evil'");
    browser
        .wait("document.querySelector('#view').textContent.includes('<script>alert(1)</script>')");
    assert_eq!(
        browser.value("document.querySelectorAll('#view script, #view img').length"),
        json!(0)
    );

    let foreign: Vec<String> = browser
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with(&page.url))
        .filter(|url| url != "about:blank")
        .collect();
    assert_eq!(foreign, [] as [String; 0]);
    assert_eq!(browser.complaints(), [] as [String; 0]);

    // The way to the swarm breaks, then the server ends.
    page.board.lost(
        "No connection to h1",
        "the ssh connection ended",
        "It is tried again by itself. Check `hive ssh -t h1`.",
    );
    browser.wait("document.querySelector('#banner').textContent.includes('No connection to h1')");
    browser.wait("/Shown is what was seen at \\d\\d:\\d\\d:\\d\\d/.test(document.querySelector('#banner').textContent)");
    browser.shot("lost-1280-light", false);
    page.board.seen(swarm.snapshot());
    browser.wait("document.querySelector('#banner').textContent === ''");
    page.end();
    browser.wait("document.querySelector('#banner').textContent.includes('hive ui has ended')");
    assert_eq!(
        browser.value("document.querySelectorAll('#view h2').length > 0"),
        json!(true)
    );
}

#[test]
fn fifty_services_can_be_read_wide_and_narrow_light_and_dark() {
    let Some(browser) = browser() else { return };
    let page = Page::start();
    page.board.seen(Swarm::big().snapshot());
    browser.open(&page.url);
    browser.wait("document.querySelectorAll('.host').length === 6");
    for (width, height) in [(1280, 900), (390, 844)] {
        for dark in [false, true] {
            browser.looks(width, height, dark);
            let colour = if dark { "dark" } else { "light" };
            for (name, hash, ready) in [
                (
                    "hosts",
                    "#/hosts",
                    "document.querySelectorAll('.host').length === 6",
                ),
                (
                    "services",
                    "#/services",
                    "document.querySelectorAll('#view tbody tr').length === 50",
                ),
                (
                    "networks",
                    "#/networks",
                    "document.querySelectorAll('#view .sheet').length === 2",
                ),
                (
                    "service",
                    "#/service/billing",
                    "document.querySelector('#view h2').textContent === 'billing'",
                ),
            ] {
                browser.value(&format!("location.hash = '{hash}'; scrollTo(0, 0); 1"));
                browser.wait(ready);
                let what = format!("{name}-{width}-{colour}");
                can_be_read(&browser, &what);
                browser.shot(&what, false);
                if width < 600 || name == "service" {
                    browser.shot(&format!("{what}-whole"), true);
                }
            }
        }
    }
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn the_filter_narrows_what_is_shown_and_stays_in_the_address() {
    let Some(browser) = browser() else { return };
    let page = Page::start();
    page.board.seen(Swarm::big().snapshot());
    browser.looks(1280, 900, false);
    browser.open(&page.url);
    browser.wait("document.querySelectorAll('.host').length === 6");

    // By keys alone.
    browser.press("/", 191, "/");
    browser.wait("document.activeElement.id === 'text'");
    browser.call("Input.insertText", json!({"text": "billing"}));
    browser.wait("document.querySelectorAll('.task').length === 3");
    browser.wait("document.querySelector('#count').textContent.startsWith('3 of ')");
    browser.shot("filtered-1280-light", false);
    browser.call("Page.reload", json!({}));
    browser.wait("document.querySelectorAll('.task').length === 3");
    assert_eq!(
        browser.text("document.querySelector('#text').value"),
        "billing"
    );
    browser.value("document.querySelector('#text').focus(); 1");
    browser.press("Escape", 27, "");
    browser.wait("document.querySelectorAll('.task').length > 50");

    let choose = |id: &str, value: &str| {
        browser.value(&format!(
            "(() => {{ const s = document.querySelector('#{id}'); s.value = '{value}'; \
             s.dispatchEvent(new Event('input', {{bubbles: true}})); return 1; }})()"
        ));
    };
    browser.value("location.hash = '#/services'; 1");
    browser.wait("document.querySelectorAll('#view tbody tr').length === 50");
    choose("stack", "shop");
    browser.wait("document.querySelectorAll('#view tbody tr').length === 6");
    choose("stack", "");
    choose("network", "shop_backend");
    browser.wait("document.querySelectorAll('#view tbody tr').length === 6");

    // Nothing found is said, not shown as an empty frame.
    browser.value("location.hash = '#/services?text=nothing-is-called-so'; 1");
    browser.wait("document.querySelector('#view .empty')");
}

#[test]
fn every_view_is_reached_with_the_keyboard_alone() {
    let Some(browser) = browser() else { return };
    let page = Page::start();
    page.board.seen(Swarm::big().snapshot());
    browser.looks(1280, 900, false);
    browser.open(&page.url);
    browser.wait("document.querySelectorAll('.host').length === 6");
    let tab = || browser.press("Tab", 9, "");
    tab();
    assert_eq!(browser.text("document.activeElement.className"), "skip");
    let mut reached = Vec::new();
    for _ in 0..40 {
        tab();
        reached.push(browser.text("document.activeElement.getAttribute('href') || document.activeElement.id || document.activeElement.tagName"));
        let ring = browser.text("getComputedStyle(document.activeElement).outlineStyle");
        assert_ne!(ring, "none", "{reached:?}");
    }
    for part in [
        "#/hosts",
        "#/services",
        "#/networks",
        "text",
        "stack",
        "network",
        "SUMMARY",
    ] {
        assert!(reached.iter().any(|at| at == part), "{part}: {reached:?}");
    }
    assert!(
        reached.iter().any(|at| at.starts_with("#/service/")),
        "{reached:?}"
    );
    // A card leads to its service.
    browser.value("document.querySelector('.task').focus(); 1");
    browser.press("Enter", 13, "\r");
    browser.wait("location.hash.startsWith('#/service/')");
    browser.wait("document.activeElement.id === 'main'");
    // All that is drawn has a name for those who do not see it.
    let unnamed = browser.value(
        "[...document.querySelectorAll('a, button, input, select, summary')].filter((at) => at.checkVisibility() && \
         !at.textContent.trim() && !at.labels?.length && !at.getAttribute('aria-label')).length",
    );
    assert_eq!(unnamed, json!(0));
}
