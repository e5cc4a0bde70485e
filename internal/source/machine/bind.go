package machine

import (
	"fmt"
	"path"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

var bindMains = []string{"/etc/bind/named.conf", "/etc/named.conf", "/usr/local/etc/namedb/named.conf", "/etc/namedb/named.conf", "/var/named/etc/named.conf"}

var bindPrograms = []string{"/usr/sbin/named", "/usr/local/sbin/named", "/sbin/named"}

// bindSettings are those that decide how anchors fare, beside the anchors.
var bindSettings = []string{"edns-udp-size", "max-udp-size", "trust-anchor-telemetry", "root-key-sentinel", "directory", "managed-keys-directory", "bindkeys-file", "validate-except", "disable-algorithms"}

// bind finds an installation of BIND: one for each view, or one.
func (s *surveyor) bind() {
	unit := s.unit("named", "bind9")
	root, _ := unit.option("-t")
	main, ok := unit.option("-c")
	if !ok {
		main, ok = s.tree.first(bindMains...)
	}
	program, installed := s.tree.first(bindPrograms...)
	if !ok || !s.tree.exists(path.Join("/", root, main)) {
		if !installed {
			return
		}
	}
	conf := &bindConf{tree: s.tree, root: root}
	all := conf.file(orElse(main, bindMains[0]), 0)
	s.unread = append(s.unread, conf.unread...)
	i := holdfast.Installation{Software: holdfast.BIND, Program: program, Configs: conf.files}
	s.packaged(&i, program, main)
	i.Account = s.bindAccount(unit)
	options, _ := in(all, "options")
	base := bindView{surveyor: s, conf: conf, unit: unit, main: orElse(main, bindMains[0]), options: options.body, outer: all}
	views := 0
	for _, c := range all {
		if c.name() != "view" || len(c.words) < 2 {
			continue
		}
		views++
		v, one := base, i
		v.name, v.view = c.words[1].text, c.body
		one.Instance = "view " + v.name
		v.fill(&one)
		s.add(one)
	}
	if views == 0 {
		base.fill(&i)
		s.add(i)
	}
}

func (s *surveyor) bindAccount(u unit) holdfast.Account {
	if user, ok := u.option("-u"); ok {
		start, _ := u.find("ExecStart")
		return s.tree.account(user, start)
	}
	for _, usual := range []string{"bind", "named"} {
		if a := s.usualAccount(u, usual); a.Known {
			return a
		}
	}
	return s.usualAccount(u, "bind")
}

// bindView is one view, or the whole where there is none.
type bindView struct {
	*surveyor
	conf    *bindConf
	unit    unit
	main    string
	name    string
	options []clause // of the options statement
	view    []clause // of the view
	outer   []clause // of the file
}

// option is a setting of the view, or else of the options.
func (v bindView) option(name string) (clause, bool) {
	if c, ok := in(v.view, name); ok {
		return c, true
	}
	return in(v.options, name)
}

func (v bindView) fill(i *holdfast.Installation) {
	for _, name := range bindSettings {
		if c, ok := v.option(name); ok {
			i.Settings = append(i.Settings, c.setting())
		}
	}
	if c, ok := v.option("forwarders"); ok {
		for _, to := range c.body {
			i.Settings = append(i.Settings, holdfast.Setting{Name: "forwarder", Value: to.name(), Place: to.place})
		}
	}
	i.Validates, i.Reason = holdfast.ValidationOn, holdfast.Setting{Name: "dnssec-validation", Value: "auto", Place: v.main + ": its default"}
	if c, ok := v.option("dnssec-validation"); ok {
		i.Reason = c.setting()
		i.Reason.Value = bindBoolean(i.Reason.Value)
	}
	v.anchors(i)
	switch i.Reason.Value {
	case "no":
		i.Validates = holdfast.ValidationOff
	case "yes":
		if len(i.Anchorings) == 0 {
			i.Validates = holdfast.ValidationOff
		}
	}
	if except, ok := v.option("validate-except"); ok {
		for _, c := range except.body {
			if c.name() == "." {
				i.Validates, i.Reason = holdfast.ValidationOff, holdfast.Setting{Name: "validate-except", Value: ".", Place: c.place}
			}
		}
	}
}

// bindBoolean is a value as named-checkconf -p prints it: yes and no have
// several spellings, and case says nothing.
func bindBoolean(value string) string {
	switch value = strings.ToLower(value); value {
	case "true", "1":
		return "yes"
	case "false", "0":
		return "no"
	}
	return value
}

// at is a path as named sees it: below its working folder, within its root.
func (v bindView) at(name string) string {
	if directory, ok := in(v.options, "directory"); ok && !path.IsAbs(name) {
		name = path.Join(directory.value(), name)
	}
	return path.Join("/", v.conf.root, name)
}

// anchors gathers what the view trusts for the root: what the configuration
// has, and with "auto" what bind.keys or the program has.
func (v bindView) anchors(i *holdfast.Installation) {
	state := v.stateFile()
	var seeds []holdfast.TrustedKey
	var statement holdfast.Setting
	for _, block := range append(append([]clause{}, v.outer...), v.view...) {
		initial, fixed := v.block(block)
		if len(initial) > 0 {
			seeds, statement = append(seeds, initial...), block.setting()
		}
		if len(fixed) > 0 {
			i.Anchorings = append(i.Anchorings, holdfast.Anchoring{
				Upkeep: holdfast.UpkeepStatic, Statement: block.setting(), Point: holdfast.TrustPoint{Zone: holdfast.Root, Keys: fixed},
			})
		}
	}
	if i.Reason.Value == "auto" {
		builtIn := v.builtInKeys(i.Program)
		if statement == (holdfast.Setting{}) {
			statement = i.Reason
		}
		seeds = append(seeds, builtIn...)
	}
	if len(seeds) == 0 && statement == (holdfast.Setting{}) {
		return
	}
	a := v.anchoring(holdfast.UpkeepFollow, statement, state, anchor.FormBINDState)
	a.Seeds, a.Access = seeds, v.access(state, v.unit, "named")
	if v.conf.root != "" {
		a.Access.Chroot = holdfast.Setting{Name: "-t", Value: v.conf.root}
	}
	i.Anchorings = append(i.Anchorings, a)
	if journal := v.tree.stat(state + ".jnl"); journal.Exists && journal.Modified.After(a.Modified) {
		i.Settings = append(i.Settings, holdfast.Setting{Name: "journal", Value: journal.Path, Place: journal.Path})
	}
}

// stateFile is where named keeps the keys that it follows: one file, or one
// for each view.
func (v bindView) stateFile() string {
	name := "managed-keys.bind"
	if v.name != "" {
		name = v.name + ".mkeys"
	}
	if folder, ok := in(v.options, "managed-keys-directory"); ok {
		name = path.Join(folder.value(), name)
	}
	return v.at(name)
}

// builtInKeys are those of bind.keys where it is there, or of the program.
func (v bindView) builtInKeys(program string) []holdfast.TrustedKey {
	file := path.Join(path.Dir(v.main), "bind.keys")
	if c, ok := in(v.options, "bindkeys-file"); ok {
		file = c.value()
	}
	if file = path.Join("/", v.conf.root, file); v.tree.exists(file) {
		reader := &bindConf{tree: v.tree}
		var out []holdfast.TrustedKey
		for _, block := range reader.file(file, 0) {
			initial, fixed := v.block(block)
			out = append(append(out, initial...), fixed...)
		}
		return out
	}
	return v.carriedBy(program)
}

// block reads the keys of the root in a trust-anchors statement or one of its
// forerunners: those that are followed, and those that stay.
func (v bindView) block(c clause) (initial, fixed []holdfast.TrustedKey) {
	follows := map[string]bool{"managed-keys": true, "trusted-keys": false, "trust-anchors": false}
	managed, ok := follows[c.name()]
	if !ok {
		return nil, nil
	}
	for _, entry := range c.body {
		key, follow, ok := v.entry(entry, c.name(), managed)
		switch {
		case !ok:
		case follow:
			initial = append(initial, key)
		default:
			fixed = append(fixed, key)
		}
	}
	return initial, fixed
}

// entry reads one key: its zone, in newer forms a word that says how it is
// used, and four values.
func (v bindView) entry(c clause, statement string, managed bool) (key holdfast.TrustedKey, follow, ok bool) {
	words := c.words
	if len(words) < 5 || words[0].text != "." {
		return key, false, false
	}
	kind := "initial-key"
	if statement == "trusted-keys" {
		kind = "static-key"
	} else {
		kind, words = strings.ToLower(words[1].text), append([]confWord{words[0]}, words[2:]...)
	}
	record := "DNSKEY"
	if strings.HasSuffix(kind, "-ds") {
		record = "DS"
	}
	if len(words) < 5 {
		return key, false, false
	}
	var data strings.Builder
	for _, w := range words[4:] {
		data.WriteString(strings.Join(strings.Fields(w.text), ""))
	}
	text := fmt.Sprintf(". IN %s %s %s %s %s", record, words[1].text, words[2].text, words[3].text, data.String())
	a := v.inline(holdfast.Setting{Name: statement, Place: c.place}, anchor.FormRecords, []byte(text))
	if len(a.Point.Keys) != 1 {
		v.surveyor.unread = append(v.surveyor.unread, holdfast.Unread{Path: c.place, Why: a.Trouble})
		return key, false, false
	}
	return a.Point.Keys[0], managed || strings.HasPrefix(kind, "initial-"), true
}
