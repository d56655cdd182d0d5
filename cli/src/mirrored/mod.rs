//! Mirrored volumes from the command's side: from what a stage's files want to records in the swarm, and
//! from what the hosts report to what a person should know.
//!
//! | file | what it holds |
//! |---|---|
//! | `wanted.rs` | what the files want, and the hives that it is for, as [`hive_volumes::plan`] takes them |
//! | `there.rs` | records, docker's other volumes, who uses what |
//! | `reports.rs` | asks all hives at once |
//! | `plan_text.rs` | a plan as people and programs read it |
//! | `writing.rs` | writes records, each as a compare-and-swap |
//! | `progress.rs` | how far each host is with each volume |
//! | `waiting.rs` | waits until the hosts have done their parts |
//! | `comparing.rs` | the byte comparison of a volume's copies |
//! | `doctor/` | what is wrong, and the exact next step |

pub mod comparing;
pub mod doctor;
pub mod plan_text;
pub mod progress;
pub mod reports;
pub mod there;
pub mod waiting;
pub mod wanted;
pub mod writing;
