package holdfast

import (
	"io/fs"
	"strings"
	"time"
)

// Software names a resolver, or a library that validates.
type Software string

const (
	Unbound  Software = "unbound"
	BIND     Software = "bind"
	Knot     Software = "knot"
	PowerDNS Software = "pdns"
	Dnsmasq  Software = "dnsmasq"
	Resolved Software = "resolved"
)

// Title is the name that people know it by.
func (s Software) Title() string {
	switch s {
	case Unbound:
		return "Unbound"
	case BIND:
		return "BIND"
	case Knot:
		return "Knot Resolver"
	case PowerDNS:
		return "PowerDNS Recursor"
	case Dnsmasq:
		return "dnsmasq"
	case Resolved:
		return "systemd-resolved"
	}
	return string(s)
}

// Upkeep is how a set of trust anchors is kept up to date.
type Upkeep string

const (
	UpkeepFollow  Upkeep = "rfc5011"  // the resolver follows the zone's keys itself
	UpkeepStatic  Upkeep = "static"   // as it was configured, until somebody changes it
	UpkeepPackage Upkeep = "package"  // a file that a package brings, and a newer package renews
	UpkeepBuiltIn Upkeep = "built-in" // compiled into the program
)

// MachineKind is what sort of thing was looked at.
type MachineKind string

const (
	MachineRoot     MachineKind = "machine"  // the root folder of this machine, or of another
	MachineImage    MachineKind = "image"    // a container image
	MachinePackage  MachineKind = "package"  // a Debian package
	MachineFolder   MachineKind = "folder"   // any folder: source, firmware unpacked
	MachineFile     MachineKind = "file"     // one file: a program, firmware
	MachineResolver MachineKind = "resolver" // a resolver asked over DNS
)

// Machine is what a machine's files say of trust anchors: evidence, and nothing
// of what it means. judge/anchor audits it, at any instant.
type Machine struct {
	Format    string         `json:"format"` // holdfast-machine/1
	Path      string         `json:"path"`   // as it was named
	Kind      MachineKind    `json:"kind"`
	Live      bool           `json:"live,omitempty"` // this machine, running
	Looked    time.Time      `json:"looked"`
	Program   string         `json:"program"` // that looked, with its version
	Resolvers []Installation `json:"resolvers"`
	// Recovery are the means to get anchors anew when they are lost.
	Recovery []Recovery `json:"recovery,omitempty"`
	// Carriers are files that carry root keys, digests of them or parts.
	Carriers []Carrier `json:"carriers"`
	// Clock is what the files say of the clock.
	Clock []Setting `json:"clock,omitempty"`
	// Samples are what a resolver answered, where it was asked over DNS; their Key
	// is the tag of a root key.
	Samples []Sample `json:"samples,omitempty"`
	// Unread is what could not be read, and why; an audit says so.
	Unread []Unread `json:"unread,omitempty"`
	Files  int      `json:"files"`  // searched for keys
	Octets int64    `json:"octets"` // in them
}

// Unread is a file that was not read, or not understood.
type Unread struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Setting is a line of a configuration: what it sets, to what, and where it
// stands. Place is the program for what is so by default.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Place string `json:"place"` // FILE:LINE
}

// File is the file of the setting's place.
func (s Setting) File() string {
	file, _, _ := strings.Cut(s.Place, ":")
	return file
}

// Installation is a resolver as a machine has it set up.
type Installation struct {
	Software Software `json:"software"`
	Instance string   `json:"instance,omitempty"` // a view, or one of several
	Version  string   `json:"version,omitempty"`  // of the package
	Package  string   `json:"package,omitempty"`
	Program  string   `json:"program,omitempty"` // path of the program, where it is there
	// Configs are the files that were read, the main one first.
	Configs []string `json:"configs"`
	// Account is whom it runs as.
	Account Account `json:"account"`
	// Validates says whether it validates, by Reason.
	Validates Validation `json:"validates"`
	Reason    Setting    `json:"reason"`
	// Anchorings are all ways by which it comes to trust keys of the root. Two
	// of them may hold at once.
	Anchorings []Anchoring `json:"anchorings"`
	// Settings are the others that decide how anchors fare: buffers, TCP,
	// forwarders, a clock that is overridden.
	Settings []Setting `json:"settings,omitempty"`
}

// Find is the last setting of a name, which is the one that counts.
func (i Installation) Find(name string) (Setting, bool) {
	for n := len(i.Settings) - 1; n >= 0; n-- {
		if i.Settings[n].Name == name {
			return i.Settings[n], true
		}
	}
	return Setting{}, false
}

// Validation says whether a resolver validates.
type Validation string

const (
	ValidationOn      Validation = "on"
	ValidationAsked   Validation = "asked" // for clients that ask for it (PowerDNS: process)
	ValidationOff     Validation = "off"
	ValidationUnknown Validation = "unknown"
)

// Account is a user of the machine.
type Account struct {
	User   string `json:"user,omitempty"`
	UID    int    `json:"uid"`
	Groups []int  `json:"groups,omitempty"`
	Known  bool   `json:"known"` // UID and Groups were found in the machine's files
	Place  string `json:"place,omitempty"`
}

// Anchoring is one way by which a resolver comes to trust keys of the root.
type Anchoring struct {
	Upkeep    Upkeep  `json:"upkeep"`
	Statement Setting `json:"statement"` // the line that says so
	// File is where the keys are read from, and kept where the resolver follows
	// them; empty for keys in the configuration itself or in the program.
	File string `json:"file,omitempty"`
	Form string `json:"form,omitempty"` // of the file, as source/anchor names it
	// Point is what is trusted now, as far as the files say.
	Point TrustPoint `json:"point"`
	// Seeds are what it begins with where it has no state yet.
	Seeds []TrustedKey `json:"seeds,omitempty"`
	// Absent: the file is not there. Trouble: it was not understood.
	Absent   bool      `json:"absent,omitempty"`
	Trouble  string    `json:"trouble,omitempty"`
	Modified time.Time `json:"modified,omitzero"` // of the file
	// Access is what decides whether the resolver can write the file; nil where
	// it has no need to.
	Access *Access `json:"access,omitempty"`
}

// Access is what decides whether a resolver can write its state.
type Access struct {
	File   Entry `json:"file"`
	Folder Entry `json:"folder"` // a new state is written beside the old one
	// Chroot is where the resolver confines itself to.
	Chroot Setting `json:"chroot,omitzero"`
	// Denied are settings outside of the resolver that keep it from writing: a
	// mount, a unit's sandbox, a profile of AppArmor.
	Denied []Setting `json:"denied,omitempty"`
	// Volatile says that what is written is lost with the container or at boot.
	Volatile Setting `json:"volatile,omitzero"`
}

// Entry is a file or folder as its folder has it.
type Entry struct {
	Path     string      `json:"path"`
	Exists   bool        `json:"exists"`
	Mode     fs.FileMode `json:"mode"`
	UID      int         `json:"uid"`
	GID      int         `json:"gid"`
	Owned    bool        `json:"owned"` // UID and GID are known
	Modified time.Time   `json:"modified,omitzero"`
}

// WritableBy says whether an account may write the entry by its mode, as
// POSIX has it: the first class that fits decides. known is false where owner
// or account are not known.
func (e Entry) WritableBy(a Account) (writable, known bool) {
	if !e.Owned || !a.Known {
		return false, false
	}
	perm := e.Mode.Perm()
	switch {
	case a.UID == 0:
		return true, true
	case a.UID == e.UID:
		return perm&0o200 != 0, true
	}
	for _, group := range a.Groups {
		if group == e.GID {
			return perm&0o020 != 0, true
		}
	}
	return perm&0o002 != 0, true
}

// Recovery is a means to get anchors anew: unbound-anchor, Knot Resolver's
// bootstrap, a helper of the distribution.
type Recovery struct {
	Name     string       `json:"name"` // unbound-anchor, knot-bootstrap, unbound-helper, root-anchors.p7s
	Path     string       `json:"path"`
	Built    []TrustedKey `json:"built,omitempty"`    // keys that it carries
	CAs      []string     `json:"cas,omitempty"`      // authorities that it pins, by common name
	Settings []Setting    `json:"settings,omitempty"` // that decide on it
	Expires  time.Time    `json:"expires,omitzero"`   // of a certificate that it rests on
}

// CarrierForm is how a file carries a key.
type CarrierForm string

const (
	CarriesDigest  CarrierForm = "digest"       // the octets of a DS digest
	CarriesHex     CarrierForm = "hex"          // a DS digest as text
	CarriesSource  CarrierForm = "source"       // a DS digest as a list of numbers in source code
	CarriesBase64  CarrierForm = "base64"       // the key as in DNSKEY
	CarriesModulus CarrierForm = "key"          // the octets of the key
	CarriesWrong   CarrierForm = "wrong-digest" // a DS of that tag with another digest
)

// Carrier is a file that carries root keys.
type Carrier struct {
	Path     string    `json:"path"`
	Package  string    `json:"package,omitempty"`
	Program  bool      `json:"program,omitempty"` // it is a program or a library
	Modified time.Time `json:"modified,omitzero"`
	Carried  []Carried `json:"carried"` // by tag
}

// Carried is a root key within a file.
type Carried struct {
	Tag    uint16      `json:"tag"`
	Form   CarrierForm `json:"form"`
	Digest uint8       `json:"digest_type,omitempty"`
	Offset int64       `json:"offset"`         // of the first one, in octets
	Line   int         `json:"line,omitempty"` // of the first one, in text
}

// Has says whether the file carries a key, and what it carries rightly.
func (c Carrier) Has(tag uint16) bool {
	for _, k := range c.Carried {
		if k.Tag == tag && k.Form != CarriesWrong {
			return true
		}
	}
	return false
}
