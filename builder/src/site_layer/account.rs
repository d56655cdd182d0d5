//! The people of a site: users, groups, sudo, ssh keys.
//!
//! `/etc/passwd` is new at every boot, so accounts are told to systemd-sysusers (sysusers.d(5)) and
//! homes to systemd-tmpfiles (tmpfiles.d(5)). Homes lie on state; `/home` is a link to them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hive_inventory::settings::HostSettings;

use super::{LayerFile, SettingError, public_key};

/// The admin's user and group id: files on state must belong to the same person after every boot.
const ADMIN_ID: u32 = 1000;
/// Debian gives out ids below this one to its own services, counting up from 100 and down from 999.
const FIRST_FREE_ID: u32 = 1000;
/// Debian gives ids from here on to nobody and to containers.
const LAST_FREE_ID: u32 = 59999;
/// Names that Debian or hive uses for something else.
const RESERVED: [&str; 12] = [
    "root", "daemon", "bin", "sys", "adm", "sudo", "docker", "nogroup", "nobody", "sshd", "zabbix",
    "users",
];

/// Accounts and what belongs to them.
pub fn render(settings: &HostSettings) -> Result<Vec<LayerFile>, SettingError> {
    check(settings)?;
    let admin = &settings.admin;
    let mut files = vec![
        LayerFile::text("hive/admin", format!("{admin}\n")),
        LayerFile::text("sysusers.d/60-site.conf", sysusers(settings)),
        LayerFile::text("tmpfiles.d/60-site.conf", tmpfiles(settings)),
        sudoers("50-hive-admin", admin),
    ];
    let groups = settings.groups.keys();
    files.extend(groups.map(|group| sudoers(&format!("60-group-{group}"), &format!("%{group}"))));
    let mut keys = String::new();
    for key in &settings.admin_keys {
        keys += &(public_key::line("keys of the admin user", key)? + "\n");
    }
    if !keys.is_empty() {
        files.push(authorized(admin, keys));
    }
    for (name, user) in &settings.users {
        let setting = format!("hive_users.{name}.id_rsa_pub");
        let key = public_key::line(&setting, &user.id_rsa_pub)?;
        files.push(authorized(name, key + "\n"));
    }
    Ok(files)
}

/// sshd reads it as the user, so everybody may.
fn authorized(user: &str, keys: String) -> LayerFile {
    LayerFile::text(format!("ssh/authorized_keys.d/{user}"), keys)
}

fn sudoers(file: &str, who: &str) -> LayerFile {
    LayerFile::text(
        format!("sudoers.d/{file}"),
        format!("{who} ALL=(ALL:ALL) NOPASSWD: ALL\n"),
    )
    // sudo ignores a file that others than root's group may read or write.
    .mode(0o440)
}

fn sysusers(settings: &HostSettings) -> String {
    let admin = &settings.admin;
    let mut text = String::new();
    for (name, group) in &settings.groups {
        let _ = writeln!(text, "g {name} {}", group.gid);
    }
    let admin_id = match settings.groups.get(admin) {
        Some(_) => format!("{ADMIN_ID}:{admin}"),
        None => ADMIN_ID.to_string(),
    };
    let _ = writeln!(
        text,
        "u {admin} {admin_id} \"Operator\" /home/{admin} /bin/bash"
    );
    for group in ["adm", "docker", "sudo", "systemd-journal"] {
        let _ = writeln!(text, "m {admin} {group}");
    }
    for (name, user) in &settings.users {
        let _ = writeln!(
            text,
            "u {name} {}:{} \"\" /home/{name} /bin/bash",
            user.uid, user.group
        );
    }
    text
}

fn tmpfiles(settings: &HostSettings) -> String {
    let admin = (settings.admin.as_str(), settings.admin.as_str());
    let users = settings
        .users
        .iter()
        .map(|(n, u)| (n.as_str(), u.group.as_str()));
    let mut text = String::new();
    for (user, group) in std::iter::once(admin).chain(users) {
        let home = format!("/var/home/{user}");
        let _ = writeln!(text, "d {home} 0700 {user} {group} -");
        for file in [".bashrc", ".profile"] {
            let _ = writeln!(
                text,
                "C {home}/{file} 0644 {user} {group} - /etc/skel/{file}"
            );
        }
    }
    text
}

fn check(settings: &HostSettings) -> Result<(), SettingError> {
    name("hive_admin", &settings.admin)?;
    let mut gids = BTreeMap::new();
    for (group, of) in &settings.groups {
        let setting = format!("hive_user_groups.{group}");
        name(&setting, group)?;
        id(&format!("{setting}.gid"), of.gid, &mut gids, group)?;
        if of.gid == ADMIN_ID && *group != settings.admin {
            return Err(taken(&format!("{setting}.gid"), of.gid, &settings.admin));
        }
    }
    let mut uids = BTreeMap::from([(ADMIN_ID, settings.admin.clone())]);
    for (user, of) in &settings.users {
        let setting = format!("hive_users.{user}");
        name(&setting, user)?;
        if *user == settings.admin {
            return Err(SettingError::new(
                setting,
                "this is the admin user's name",
                "choose another name, or another hive_admin",
            ));
        }
        id(&format!("{setting}.uid"), of.uid, &mut uids, user)?;
        if !settings.groups.contains_key(&of.group) {
            return Err(SettingError::new(
                format!("{setting}.group"),
                format!("there is no group {:?}", of.group),
                "name it with its gid under hive_user_groups",
            ));
        }
    }
    Ok(())
}

/// What useradd(8) of Debian accepts without complaint.
fn name(setting: &str, name: &str) -> Result<(), SettingError> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !starts || name.len() > 32 || !name.bytes().all(inner) {
        return Err(SettingError::new(
            setting,
            format!("{name:?} is not a name for a user or group"),
            "use 1 to 32 lower-case letters, digits, `_` and `-`, a letter first",
        ));
    }
    if RESERVED.contains(&name) || name.starts_with("systemd-") {
        return Err(SettingError::new(
            setting,
            format!("{name:?} belongs to the system"),
            "choose another name",
        ));
    }
    Ok(())
}

fn id(
    setting: &str,
    id: u32,
    seen: &mut BTreeMap<u32, String>,
    owner: &str,
) -> Result<(), SettingError> {
    if !(FIRST_FREE_ID..=LAST_FREE_ID).contains(&id) {
        return Err(SettingError::new(
            setting,
            format!("{id} may belong to a service of the system"),
            format!("choose one from {FIRST_FREE_ID} to {LAST_FREE_ID}"),
        ));
    }
    match seen.insert(id, owner.to_owned()) {
        None => Ok(()),
        Some(other) => Err(taken(setting, id, &other)),
    }
}

fn taken(setting: &str, id: u32, owner: &str) -> SettingError {
    SettingError::new(
        setting,
        format!("{id} is taken by {owner:?}"),
        "give each its own number",
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{KEY, content, error, full};
    use hive_inventory::settings::{Group, User};

    #[test]
    fn accounts_read_like_this() {
        let of = |path| content(&full(), path).unwrap();
        assert_eq!(of("hive/admin"), "admin\n");
        assert_eq!(
            of("sysusers.d/60-site.conf"),
            "\
g operators 2000
u admin 1000 \"Operator\" /home/admin /bin/bash
m admin adm
m admin docker
m admin sudo
m admin systemd-journal
u alice 2001:operators \"\" /home/alice /bin/bash
"
        );
        assert_eq!(
            of("tmpfiles.d/60-site.conf"),
            "\
d /var/home/admin 0700 admin admin -
C /var/home/admin/.bashrc 0644 admin admin - /etc/skel/.bashrc
C /var/home/admin/.profile 0644 admin admin - /etc/skel/.profile
d /var/home/alice 0700 alice operators -
C /var/home/alice/.bashrc 0644 alice operators - /etc/skel/.bashrc
C /var/home/alice/.profile 0644 alice operators - /etc/skel/.profile
"
        );
        assert_eq!(
            of("sudoers.d/60-group-operators"),
            "%operators ALL=(ALL:ALL) NOPASSWD: ALL\n"
        );
        assert_eq!(
            of("ssh/authorized_keys.d/alice"),
            format!("{KEY} alice@laptop\n")
        );
        assert_eq!(of("ssh/authorized_keys.d/admin"), format!("{KEY}\n"));
    }

    #[test]
    fn the_admin_may_have_a_group_of_the_site() {
        let mut settings = full();
        settings.groups.insert("admin".into(), Group { gid: 1000 });
        let text = content(&settings, "sysusers.d/60-site.conf").unwrap();
        assert!(
            text.contains("g admin 1000\n") && text.contains("u admin 1000:admin "),
            "{text}"
        );
    }

    #[test]
    fn names_that_no_host_takes_are_refused() {
        for name in [
            "",
            "Alice",
            "a b",
            "../x",
            "1st",
            "root",
            "docker",
            "x\ny",
            "systemd-x",
        ] {
            let mut settings = full();
            settings.admin = name.into();
            let text = error(&settings);
            assert!(text.starts_with("hive_admin: "), "{name:?}: {text}");
        }
        let mut settings = full();
        settings.admin = "alice".into();
        assert!(error(&settings).starts_with("hive_users.alice: this is the admin"));
    }

    #[test]
    fn ids_are_checked_against_the_system_and_each_other() {
        let bob = |uid: u32, group: &str| {
            let mut settings = full();
            settings.users.insert(
                "bob".into(),
                User {
                    uid,
                    group: group.into(),
                    id_rsa_pub: KEY.into(),
                },
            );
            settings
        };
        for (settings, part) in [
            (bob(0, "operators"), "hive_users.bob.uid: 0 may belong"),
            (
                bob(65534, "operators"),
                "hive_users.bob.uid: 65534 may belong",
            ),
            (bob(1000, "operators"), "1000 is taken by \"admin\""),
            (bob(2001, "operators"), "2001 is taken by \"alice\""),
            (
                bob(2002, "guests"),
                "hive_users.bob.group: there is no group \"guests\"",
            ),
        ] {
            let text = error(&settings);
            assert!(text.contains(part), "{text}");
        }
        let mut settings = full();
        settings.groups.insert("staff2".into(), Group { gid: 1000 });
        assert!(error(&settings).contains("1000 is taken by \"admin\""));
    }
}
