//! The page's own files, built into the program.

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($path:literal $kind:ident $file:literal,)*) => {
        &[$(($path, $kind, include_str!(concat!("../../assets/", $file))),)*]
    };
}

/// Path below the token, type, content.
const ASSETS: &[(&str, &str, &str)] = assets![
    "" HTML "page.html",
    "icon.svg" SVG "icon.svg",
    "colours.css" CSS "colours.css",
    "page.css" CSS "page.css",
    "views.css" CSS "views.css",
    "page.js" JS "page.js",
    "element.js" JS "element.js",
    "words.js" JS "words.js",
    "selection.js" JS "selection.js",
    "problems.js" JS "problems.js",
    "hosts.js" JS "hosts.js",
    "services.js" JS "services.js",
    "service.js" JS "service.js",
    "networks.js" JS "networks.js",
];

/// The file at this path: its type and content.
pub(super) fn find(path: &str) -> Option<(&'static str, &'static str)> {
    ASSETS
        .iter()
        .find(|(at, _, _)| *at == path)
        .map(|(_, kind, text)| (*kind, *text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_takes_nothing_from_elsewhere_and_has_no_script_or_style_inside() {
        for (path, kind, text) in ASSETS {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://"), "{path} names another server");
            if *kind == HTML {
                assert!(!text.contains("<script>") && !text.contains("<style"));
                assert!(!text.contains(" style=") && !text.contains(" onclick="));
            }
            assert!(
                !text.contains("innerHTML"),
                "{path} could be made to run data"
            );
        }
    }
}
