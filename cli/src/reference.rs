//! The reference of all commands as Markdown, from the definitions that also make the help.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use crate::args::Args;

/// The whole reference; `docs/reference/hive.md` is this text.
pub fn markdown() -> String {
    let mut root = Args::command();
    root.build();
    let mut out = String::from(
        "<!-- Written by `cargo xtask docs`; edit the definitions in cli/src instead. -->\n",
    );
    section(&mut out, &root, 1);
    out
}

fn section(out: &mut String, command: &Command, level: usize) {
    // Writing to a String can't fail.
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let _ = writeln!(out, "\n{} {name}\n", "#".repeat(level));
    if let Some(about) = command.get_about() {
        let _ = writeln!(out, "{about}.\n");
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _ = writeln!(out, "```\n{usage}\n```");
    let shown = |arg: &&Arg| {
        !arg.is_hide_set()
            && !["help", "version"].contains(&arg.get_id().as_str())
            && (level == 1 || !arg.is_global_set())
    };
    let args: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    if !args.is_empty() {
        let _ = writeln!(
            out,
            "\n| {} | |\n|---|---|",
            if level == 1 {
                "Option of all commands"
            } else {
                "Argument"
            }
        );
        for arg in args {
            let _ = writeln!(
                out,
                "| `{}` | {} |",
                words(arg).replace('|', "\\|"),
                text(arg).replace('|', "\\|")
            );
        }
    }
    if let Some(after) = command.get_after_help() {
        let _ = writeln!(out, "\n```text\n{}\n```", after.to_string().trim_end());
    }
    for sub in command
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
    {
        section(out, sub, level + 1);
    }
}

/// How an argument is written: `-r, --root-dir DIR`.
fn words(arg: &Arg) -> String {
    let mut words = Vec::new();
    words.extend(arg.get_short().map(|c| format!("-{c}")));
    words.extend(arg.get_long().map(|l| format!("--{l}")));
    let takes = arg.get_action().takes_values();
    let values: Vec<_> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut text = words.join(", ");
    if takes && !values.is_empty() {
        let sep = if text.is_empty() { "" } else { " " };
        text = format!("{text}{sep}{}", values.join(" "));
    }
    if arg.is_positional() && !arg.is_required_set() {
        format!("[{text}]")
    } else {
        text
    }
}

fn text(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let default: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|v| v.to_string_lossy())
        .collect();
    if arg.get_action().takes_values() && !default.is_empty() {
        let _ = write!(text, " [default: {}]", default.join(","));
    }
    if let Some(env) = arg.get_env() {
        let _ = write!(text, " [variable: {}]", env.to_string_lossy());
    }
    let possible: Vec<_> = arg
        .get_possible_values()
        .iter()
        .map(|v| v.get_name().to_owned())
        .collect();
    if arg.get_action().takes_values() && !possible.is_empty() {
        let _ = write!(text, " [{}]", possible.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_is_there() {
        let text = markdown();
        for heading in [
            "# hive\n",
            "## hive init\n",
            "## hive bake\n",
            "### hive cache gc\n",
        ] {
            assert!(text.contains(heading), "{heading}");
        }
        assert!(text.contains("| `-r, --root-dir DIR` |"), "{text}");
        assert!(text.contains("[variable: HIVE_CACHE]"));
        assert!(!text.contains("hive reference"));
    }
}
