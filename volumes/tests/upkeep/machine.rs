//! A host as LVM, DRBD and docker keep it. Whoever asks for something in the wrong order is refused, as by
//! the programs, and whatever would cost data is a panic.

use hive_volumes::upkeep::{BLANK, Backing, DockerVolume, Mount};

/// A logical volume with what is on it.
#[derive(Debug, Clone)]
pub struct Volume {
    pub backing: Backing,
    pub meta: bool,
    pub copy: Copy,
}

/// The content of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copy {
    /// Its generation; `None`: just created.
    pub generation: Option<u64>,
    /// Which file system is on it: a number of its own per `mkfs`.
    pub file_system: Option<u64>,
    /// Times that a container wrote.
    pub written: u64,
    /// Bytes of the device as DRBD has it in its meta data.
    pub size: u64,
}

/// DRBD in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Up {
    pub primary: bool,
    /// Without it, it is a client.
    pub attached: bool,
    /// With the majority. Diskless hosts help to keep it, never to gain it.
    pub quorum: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Machine {
    pub on: bool,
    pub volume: Option<Volume>,
    pub file: Option<String>,
    pub up: Option<Up>,
    pub mount: Option<Mount>,
    pub users: usize,
    pub docker: DockerVolume,
}

pub type Done = Result<(), String>;

fn refuse(why: &str) -> Done {
    Err(why.to_owned())
}

impl Machine {
    pub fn power_off(&mut self) {
        self.on = false;
        // It comes back with a disk that udev did not get to, or whose pool took longer than udev waits.
        if let Some(volume) = &mut self.volume {
            volume.backing.active = false;
        }
        self.up = None;
        self.mount = None;
        self.users = 0;
    }

    /// A new machine with a blank disk under the same name.
    pub fn replace(&mut self) {
        *self = Self::default();
    }

    pub fn create(&mut self, bytes: u64, tag: &str) -> Done {
        if self.volume.is_some() {
            return refuse("lvcreate: exists");
        }
        self.volume = Some(Volume {
            backing: Backing {
                bytes,
                tags: vec![tag.to_owned(), BLANK.to_owned()],
                active: true,
            },
            meta: false,
            copy: Copy::default(),
        });
        Ok(())
    }

    pub fn activate(&mut self) -> Done {
        match &mut self.volume {
            Some(volume) => {
                volume.backing.active = true;
                Ok(())
            }
            None => refuse("lvchange: no such volume"),
        }
    }

    pub fn extend(&mut self, bytes: u64) -> Done {
        match &mut self.volume {
            Some(volume) if volume.backing.bytes < bytes => {
                volume.backing.bytes = bytes;
                Ok(())
            }
            _ => refuse("lvextend: nothing to extend"),
        }
    }

    /// `cut`: killed between the meta data and the tag.
    pub fn create_meta_data(&mut self, size: u64, cut: bool) -> Done {
        let attached = self.up.is_some_and(|up| up.attached);
        let (Some(volume), Some(_)) = (&mut self.volume, &self.file) else {
            return refuse("drbdadm: no such resource or device");
        };
        if attached {
            return refuse("drbdmeta: device is configured");
        }
        if !volume.backing.active {
            return refuse("drbdmeta: no such device");
        }
        assert_eq!(
            volume.copy.generation, None,
            "meta data of a copy with data"
        );
        volume.meta = true;
        volume.copy.size = size;
        if !cut {
            volume.backing.tags.retain(|tag| tag != BLANK);
        }
        Ok(())
    }

    pub fn adjust(&mut self, has_copy: bool) -> Done {
        if self.file.is_none() {
            return refuse("drbdadm: no such resource");
        }
        let inactive = self.volume.as_ref().is_some_and(|v| !v.backing.active);
        if has_copy && inactive {
            return refuse("drbdadm: no such device");
        }
        let meta = self.volume.as_ref().is_some_and(|volume| volume.meta);
        if has_copy && !meta {
            return refuse("drbdadm: no valid meta data found");
        }
        self.up = Some(Up {
            primary: self.up.is_some_and(|up| up.primary),
            attached: has_copy,
            quorum: self.up.is_some_and(|up| up.quorum),
        });
        Ok(())
    }

    pub fn demote(&mut self) -> Done {
        match &mut self.up {
            Some(_) if self.mount.is_some() => refuse("drbdadm: device is held open"),
            Some(up) => {
                up.primary = false;
                Ok(())
            }
            None => refuse("drbdadm: not up"),
        }
    }

    pub fn down(&mut self) -> Done {
        match self.up {
            Some(up) if up.primary => refuse("drbdadm: is primary"),
            Some(_) => {
                self.up = None;
                Ok(())
            }
            None => refuse("drbdadm: not up"),
        }
    }

    pub fn remove(&mut self) -> Done {
        if self.up.is_some() {
            return refuse("lvremove: in use");
        }
        match self.volume.take() {
            Some(_) => Ok(()),
            None => refuse("lvremove: no such volume"),
        }
    }

    pub fn remove_docker_volume(&mut self) -> Done {
        if self.users > 0 {
            return refuse("docker: volume is in use");
        }
        self.docker = DockerVolume::Absent;
        Ok(())
    }

    /// Whether anything of the volume is left.
    pub fn is_clean(&self) -> bool {
        self.volume.is_none()
            && self.file.is_none()
            && self.up.is_none()
            && self.docker == DockerVolume::Absent
    }
}
