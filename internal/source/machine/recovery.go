package machine

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"path"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// The distribution's renewal of Unbound's anchors, and what it renews from.
const (
	unboundHelper = "/usr/libexec/unbound-helper"
	packagedKeys  = "/usr/share/dns/root.key"
)

// recoveries finds the means to get anchors anew.
func (s *surveyor) recoveries() {
	s.unboundAnchorProgram()
	s.helper()
	s.knotBootstrap()
	s.publications()
	s.clocks()
}

// unboundAnchorProgram is about unbound-anchor: the keys that it begins with,
// and the authorities under which it believes a trust anchor file.
func (s *surveyor) unboundAnchorProgram() {
	program, ok := s.tree.first("/usr/sbin/unbound-anchor", "/usr/local/sbin/unbound-anchor", "/usr/bin/unbound-anchor")
	if !ok {
		return
	}
	r := holdfast.Recovery{Name: "unbound-anchor", Path: program, Built: s.carriedBy(program)}
	if text, err := s.tree.read(program); err == nil {
		for _, ca := range anchor.CAs() {
			// A certificate in PEM has lines of 64 characters; the first is enough to
			// know it by, as it holds the serial number.
			line := base64.StdEncoding.EncodeToString(ca.Raw)
			if bytes.Contains(text, []byte(line[:64])) {
				r.CAs = append(r.CAs, ca.Subject.CommonName)
			}
		}
	}
	s.recovery = append(s.recovery, r)
}

// helper is about Debian's helper, which copies the package's keys to Unbound's
// state where they are newer.
func (s *surveyor) helper() {
	if !s.tree.exists(unboundHelper) {
		return
	}
	r := holdfast.Recovery{Name: "unbound-helper", Path: unboundHelper}
	if setting, ok := s.helperSetting(); ok {
		r.Settings = append(r.Settings, setting)
	}
	s.recovery = append(s.recovery, r)
}

func (s *surveyor) helperSetting() (holdfast.Setting, bool) {
	const file = "/etc/default/unbound"
	text, err := s.tree.read(file)
	if err != nil {
		return holdfast.Setting{}, false
	}
	number, found, ok := 0, holdfast.Setting{}, false
	for line := range strings.Lines(string(text)) {
		number++
		if value, is := strings.CutPrefix(strings.TrimSpace(line), "ROOT_TRUST_ANCHOR_UPDATE="); is {
			found, ok = holdfast.Setting{Name: "ROOT_TRUST_ANCHOR_UPDATE", Value: strings.Trim(value, `"'`), Place: fmt.Sprintf("%s:%d", file, number)}, true
		}
	}
	return found, ok
}

// helped are the keys that the helper puts where Unbound has no state yet.
func (s *surveyor) helped(state string) []holdfast.TrustedKey {
	setting, _ := s.helperSetting()
	if state != "/var/lib/unbound/root.key" || !s.tree.exists(unboundHelper) || setting.Value == "false" || setting.Value == "no" || setting.Value == "0" {
		return nil
	}
	text, err := s.tree.read(packagedKeys)
	if err != nil {
		return nil
	}
	file, err := anchor.Parse(anchor.FormRecords, packagedKeys, text)
	if err != nil {
		return nil
	}
	point, _ := file.Point(holdfast.Root)
	return point.Keys
}

// knotBootstrap is about the part of Knot Resolver that fetches the trust
// anchor file: versions up to 5 count the elements of each key.
func (s *surveyor) knotBootstrap() {
	for _, pattern := range []string{"/usr/lib/*/knot-resolver/trust_anchors.lua", "/usr/lib/knot-resolver/trust_anchors.lua", "/usr/lib64/knot-resolver/trust_anchors.lua"} {
		for _, name := range s.tree.glob(pattern) {
			text, err := s.tree.read(name)
			if err != nil || !bytes.Contains(text, []byte("bootstrap")) {
				continue
			}
			r := holdfast.Recovery{Name: "Knot Resolver's bootstrap", Path: name}
			if bytes.Contains(text, []byte("assert(n == 4")) {
				r.Settings = append(r.Settings, holdfast.Setting{Name: "elements", Value: "4", Place: lineWith(name, string(text), "assert(n == 4")})
			}
			s.recovery = append(s.recovery, r)
		}
	}
}

// publications are signatures of trust anchor files that are kept: how long
// they can be verified.
func (s *surveyor) publications() {
	for _, folder := range []string{"/usr/share/dns", "/etc/unbound", "/var/lib/unbound", "/etc/trusted-key", "/usr/share/dnssec-root"} {
		for _, name := range s.tree.glob(folder + "/*.p7s") {
			signature, err := s.tree.read(name)
			if err != nil {
				continue
			}
			file, _ := s.tree.read(strings.TrimSuffix(name, path.Ext(name)) + ".xml")
			// Whether it verifies is asked by `anchors verify`; here only until when
			// its signer's certificate can be used.
			said, _ := anchor.Verify(file, signature, anchor.CAs(), "dnssec@iana.org", s.Now)
			s.recovery = append(s.recovery, holdfast.Recovery{Name: path.Base(name), Path: name, Expires: said.Until})
		}
	}
}

// clocks finds signs that the clock is wrong after a start: a machine without
// one of its own that keeps the time in a file.
func (s *surveyor) clocks() {
	const file = "/etc/fake-hwclock.data"
	if text, err := s.tree.read(file); err == nil {
		s.clock = append(s.clock, holdfast.Setting{Name: "fake-hwclock", Value: strings.TrimSpace(string(text[:min(len(text), 40)])), Place: file})
	}
}
