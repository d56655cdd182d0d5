//! A headless Chromium, spoken to in the DevTools protocol over a pair of pipes.

#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// Chromium reads commands from 3 and answers on 4.
const START: &str = r#"
browser=$1
folder=$2
exec "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars \
    --remote-debugging-pipe --user-data-dir="$folder" about:blank \
    3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null
"#;

/// The browser, or why there is none.
pub fn missing() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.exists())
        .ok_or_else(|| "no chromium is installed".to_owned())
}

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: RefCell<PipeWriter>,
    from: RefCell<BufReader<PipeReader>>,
    session: String,
    number: Cell<u64>,
    events: RefCell<VecDeque<Value>>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts it.
    pub fn start(program: &PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (theirs_in, to) = pipe().unwrap();
        let (from, theirs_out) = pipe().unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "sh", "-c", START, "browser"])
            .arg(program)
            .arg(folder.path())
            .stdin(Stdio::from(theirs_in))
            .stdout(Stdio::from(theirs_out))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut browser = Self {
            child,
            to: RefCell::new(to),
            from: RefCell::new(BufReader::new(from)),
            session: String::new(),
            number: Cell::new(0),
            events: RefCell::default(),
            _folder: folder,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let id = &target["targetId"];
        let attached = browser.call(
            "Target.attachToTarget",
            json!({"targetId": id, "flatten": true}),
        );
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// A command and its result.
    pub fn call(&self, method: &str, parameters: Value) -> Value {
        let number = self.number.get() + 1;
        self.number.set(number);
        let mut command = json!({"id": number, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let mut bytes = serde_json::to_vec(&command).unwrap();
        bytes.push(0);
        self.to.borrow_mut().write_all(&bytes).unwrap();
        loop {
            let message = self.read();
            if message["id"] == number {
                assert!(
                    message.get("error").is_none(),
                    "{method}: {}",
                    message["error"]
                );
                return message["result"].clone();
            }
            self.events.borrow_mut().push_back(message);
        }
    }

    fn read(&self) -> Value {
        let mut bytes = Vec::new();
        let read = self.from.borrow_mut().read_until(0, &mut bytes).unwrap();
        assert!(read > 0, "the browser has ended");
        bytes.pop();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Goes to an address and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
        self.wait("document.readyState === 'complete'");
    }

    /// The value of an expression in the page.
    pub fn value(&self, expression: &str) -> Value {
        let result = self.call(
            "Runtime.evaluate",
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true}),
        );
        assert!(
            result.get("exceptionDetails").is_none(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// The value of an expression, as a text.
    pub fn text(&self, expression: &str) -> String {
        let value = self.value(expression);
        value
            .as_str()
            .unwrap_or_else(|| panic!("{expression}: {value}"))
            .to_owned()
    }

    /// Waits until an expression is true in the page; says what the page shows when it does not become so.
    pub fn wait(&self, expression: &str) {
        let promise = format!(
            "new Promise((done) => {{ const end = Date.now() + 60000; const look = () => {{ \
             let so = false; try {{ so = Boolean({expression}); }} catch {{}} \
             if (so || Date.now() > end) done(so); else setTimeout(look, 20); }}; look(); }})"
        );
        if self.value(&promise) != json!(true) {
            let page = self.value("document.body.innerText");
            panic!("never so: {expression}\n{page}\n{:?}", self.complaints());
        }
    }

    /// Size of the window, and whether the system is set to dark.
    pub fn looks(&self, width: u32, height: u32, dark: bool) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// A key is pressed.
    pub fn press(&self, key: &str, code: u32, text: &str) {
        let event = |kind: &str| json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
        self.call("Input.dispatchKeyEvent", event("keyDown"));
        self.call(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}),
        );
    }

    /// A picture of the page, if `HIVE_UI_SHOTS` names a folder for it.
    pub fn shot(&self, name: &str, whole: bool) {
        let Some(folder) = std::env::var_os("HIVE_UI_SHOTS") else {
            return;
        };
        use base64::Engine;
        let picture = self.call(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": whole}),
        );
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            PathBuf::from(folder).join(format!("{name}.png")),
            bytes.unwrap(),
        )
        .unwrap();
    }

    /// Errors of scripts, refusals of the content security policy and failed requests.
    pub fn complaints(&self) -> Vec<String> {
        let events = self.events.borrow();
        let wrong = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            _ => false,
        };
        events.iter().filter(wrong).map(Value::to_string).collect()
    }

    /// Addresses of all requests.
    pub fn requests(&self) -> Vec<String> {
        let events = self.events.borrow();
        let requests = events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        requests
            .map(|event| {
                event["params"]["request"]["url"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own processes end when the pipe does; its folder can be removed once it has ended.
        let mut bytes = serde_json::to_vec(&json!({"id": 0, "method": "Browser.close"})).unwrap();
        bytes.push(0);
        let _ = self.to.borrow_mut().write_all(&bytes);
        let _ = self.child.wait();
    }
}
