package machine

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// resolved finds systemd-resolved: resolved.conf with its drop-ins, and the
// folders of anchors (dnssec-trust-anchors.d(5)).
func (s *surveyor) resolved() {
	program, installed := s.tree.first("/usr/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved")
	if !installed {
		return
	}
	i := holdfast.Installation{Software: holdfast.Resolved, Program: program, Configs: []string{}}
	s.packaged(&i, program)
	i.Account = s.usualAccount(s.unit("systemd-resolved"), "systemd-resolve")
	i.Reason = s.resolvedConf(&i)
	switch strings.ToLower(i.Reason.Value) {
	case "no", "false", "0", "off":
		i.Validates = holdfast.ValidationOff
	case "":
		i.Validates = holdfast.ValidationUnknown
	default: // yes, and allow-downgrade as long as the network lets it
		i.Validates = holdfast.ValidationOn
	}
	for _, name := range s.anchorFiles("positive") {
		a := s.anchoring(s.static(name), holdfast.Setting{Name: "positive", Place: name}, name, anchor.FormRecords)
		i.Anchorings = appendRoot(i.Anchorings, a)
	}
	if len(i.Anchorings) == 0 {
		i.Anchorings = []holdfast.Anchoring{{
			Upkeep: holdfast.UpkeepBuiltIn, File: program, Statement: holdfast.Setting{Name: "built-in anchors", Place: program},
			Point: holdfast.TrustPoint{Zone: holdfast.Root, Keys: s.carriedBy(program)},
		}}
	}
	for _, name := range s.anchorFiles("negative") {
		text, err := s.tree.read(name)
		if err == nil && slices.Contains(strings.Fields(string(text)), ".") {
			i.Validates, i.Reason = holdfast.ValidationOff, holdfast.Setting{Name: "negative", Value: ".", Place: name}
		}
	}
	s.add(i)
}

// resolvedConf is the setting DNSSEC that counts: of the last drop-in, or else
// the default, which distributions leave in a comment of resolved.conf.
func (s *surveyor) resolvedConf(i *holdfast.Installation) holdfast.Setting {
	found := holdfast.Setting{Name: "DNSSEC", Place: i.Program}
	var files []string
	if main, ok := s.tree.first("/etc/systemd/resolved.conf", "/run/systemd/resolved.conf", "/usr/local/lib/systemd/resolved.conf", "/usr/lib/systemd/resolved.conf"); ok {
		files = []string{main}
	}
	byName := map[string]string{}
	for _, folder := range []string{"/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd"} {
		for _, name := range s.tree.glob(folder + "/resolved.conf.d/*.conf") {
			byName[path.Base(name)] = name // one in /etc takes the place of one of its name in /usr
		}
	}
	for _, base := range slices.Sorted(maps.Keys(byName)) {
		files = append(files, byName[base])
	}
	line := regexp.MustCompile(`^\s*(#?)\s*(DNSSEC|DNS)\s*=\s*(.*?)\s*$`)
	for _, file := range files {
		text, err := s.tree.read(file)
		if err != nil {
			s.unread = append(s.unread, holdfast.Unread{Path: file, Why: err.Error()})
			continue
		}
		i.Configs = append(i.Configs, file)
		number := 0
		for l := range strings.Lines(string(text)) {
			number++
			m := line.FindStringSubmatch(strings.TrimRight(l, "\n"))
			place := fmt.Sprintf("%s:%d", file, number)
			switch {
			case m == nil:
			case m[2] == "DNS" && m[1] == "" && m[3] != "":
				i.Settings = append(i.Settings, holdfast.Setting{Name: "forwarder", Value: m[3], Place: place})
			case m[2] == "DNSSEC" && (m[1] == "" || found.Value == ""):
				found = holdfast.Setting{Name: "DNSSEC", Value: m[3], Place: place}
				if m[1] == "#" {
					found.Place += ": its default"
				}
			}
		}
	}
	return found
}

// anchorFiles are the files of one ending in the folders of anchors; of one
// name the first folder's counts.
func (s *surveyor) anchorFiles(ending string) []string {
	byName := map[string]string{}
	for _, folder := range []string{"/usr/lib", "/usr/local/lib", "/run", "/etc"} {
		for _, name := range s.tree.glob(folder + "/dnssec-trust-anchors.d/*." + ending) {
			byName[path.Base(name)] = name
		}
	}
	var out []string
	for _, base := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[base])
	}
	return out
}
