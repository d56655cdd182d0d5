//! Lists of ports as labels give them: `80,53/udp`.

use std::fmt;
use std::str::FromStr;

/// A transport protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Its name in lower case, which is also what nft and iptables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// Its number in IP headers (IANA, "Assigned Internet Protocol Numbers").
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }
}

/// A port of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    /// The protocol.
    pub protocol: Protocol,
    /// The number, never 0.
    pub number: u16,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol.name())
    }
}

/// One port or more, each once, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortList(Vec<Port>);

impl PortList {
    /// The ports, in order.
    pub fn ports(&self) -> &[Port] {
        &self.0
    }
}

/// Why a text is no list of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// There is nothing in it, or nothing between two commas.
    #[error("`{0}` has an empty entry; write ports as in `80,53/udp`")]
    Empty(String),
    /// No number from 1 to 65535.
    #[error("`{0}` is no port; ports are numbers from 1 to 65535, as in `80,53/udp`")]
    Number(String),
    /// Another protocol than tcp, udp and sctp.
    #[error("`{0}` has an unknown protocol; write tcp, udp or sctp, as in `80,53/udp`")]
    Protocol(String),
    /// The same port and protocol twice.
    #[error("{0} is there twice")]
    Twice(Port),
}

impl FromStr for PortList {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let mut ports = Vec::new();
        for entry in text.split(',') {
            let entry = entry.trim();
            if entry.is_empty() {
                return Err(PortError::Empty(text.to_owned()));
            }
            let port = parse_port(entry)?;
            if ports.contains(&port) {
                return Err(PortError::Twice(port));
            }
            ports.push(port);
        }
        ports.sort_unstable();
        Ok(Self(ports))
    }
}

fn parse_port(entry: &str) -> Result<Port, PortError> {
    let (number, protocol) = match entry.split_once('/') {
        None => (entry, Protocol::Tcp),
        Some((number, name)) => {
            let name = name.trim().to_ascii_lowercase();
            let known = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
            let protocol = known.into_iter().find(|p| p.name() == name);
            let unknown = || PortError::Protocol(entry.to_owned());
            (number.trim(), protocol.ok_or_else(unknown)?)
        }
    };
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    match number.parse::<u16>() {
        Ok(number) if digits && number > 0 => Ok(Port { protocol, number }),
        _ => Err(PortError::Number(entry.to_owned())),
    }
}

impl fmt::Display for PortList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, port) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{port}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PortList, PortError> {
        text.parse()
    }

    #[test]
    fn ports_with_and_without_a_protocol() {
        let list = parse("80, 53/udp,53,9/SCTP , 65535/tcp").unwrap();
        assert_eq!(
            list.to_string(),
            "53/tcp,80/tcp,65535/tcp,53/udp,9/sctp",
            "sorted, so that equal lists are equal"
        );
        let Port { protocol, number } = list.ports()[4];
        assert_eq!((protocol.number(), number), (132, 9));
    }

    #[test]
    fn nonsense_is_named() {
        for text in ["", " ", "80,", ",80", "80,,81"] {
            assert_eq!(parse(text), Err(PortError::Empty(text.into())));
        }
        for text in ["0", "65536", "-1", "+80", "http", "80-90", "80:81", "/udp"] {
            assert_eq!(parse(text), Err(PortError::Number(text.into())));
        }
        for text in ["80/", "80/icmp", "80/17", "80/tcp/udp"] {
            assert_eq!(parse(text), Err(PortError::Protocol(text.into())));
        }
        let twice = parse("80,81,80/tcp").unwrap_err();
        assert_eq!(twice.to_string(), "80/tcp is there twice");
    }
}
