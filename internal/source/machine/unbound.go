package machine

import (
	"path"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// unboundMains are where unbound.conf lies: Debian and most, FreeBSD, OpenBSD,
// the images of docker hub.
var unboundMains = []string{"/etc/unbound/unbound.conf", "/usr/local/etc/unbound/unbound.conf", "/var/unbound/unbound.conf", "/var/unbound/etc/unbound.conf", "/opt/unbound/etc/unbound/unbound.conf"}

var unboundPrograms = []string{"/usr/sbin/unbound", "/usr/local/sbin/unbound", "/sbin/unbound", "/opt/unbound/sbin/unbound"}

// unboundSettings are those that decide how anchors fare, beside the anchors.
var unboundSettings = []string{
	"add-holddown", "del-holddown", "keep-missing", "permit-small-holddown", "edns-buffer-size", "max-udp-size", "do-tcp", "tcp-upstream", "ssl-upstream", "tls-upstream",
	"val-override-date", "val-sig-skew-max", "trust-anchor-signaling", "root-key-sentinel", "chroot", "directory", "username", "module-config",
	"do-ip4", "do-ip6", "outgoing-interface",
}

// unbound finds an installation of Unbound.
func (s *surveyor) unbound() {
	unit := s.unit("unbound")
	main, ok := unit.option("-c")
	if !ok {
		main, ok = s.tree.first(unboundMains...)
	}
	program, installed := s.tree.first(unboundPrograms...)
	if !ok && !installed {
		return
	}
	i := holdfast.Installation{Software: holdfast.Unbound, Program: program}
	if !ok {
		main = "/etc/unbound/unbound.conf"
	}
	conf := s.tree.readUnboundConf(main)
	s.unread = append(s.unread, conf.unread...)
	i.Configs = conf.files
	if len(conf.files) == 0 && !installed {
		return
	}
	s.packaged(&i, program, main)
	for _, name := range unboundSettings {
		i.Settings = append(i.Settings, conf.of(name)...)
	}
	i.Settings = append(i.Settings, unboundForwards(conf)...)
	i.Account = s.runsAs(unit, conf, "unbound")
	s.unboundAnchors(&i, conf, unit, path.Dir(main))
	unboundValidates(&i, conf, main)
	s.add(i)
}

// runsAs is the account of a setting, of the unit, or the distribution's.
func (s *surveyor) runsAs(unit unit, conf *unboundConf, usual string) holdfast.Account {
	if user, ok := conf.last("username"); ok && user.Value != "" {
		return s.tree.account(user.Value, user)
	}
	return s.usualAccount(unit, usual)
}

func (s *surveyor) usualAccount(unit unit, usual string) holdfast.Account {
	if user, ok := unit.find("User"); ok {
		return s.tree.account(user.Value, user)
	}
	return s.tree.account(usual, holdfast.Setting{Place: "the distribution's account"})
}

// unboundForwards are the zones that cover the root and are forwarded.
func unboundForwards(c *unboundConf) []holdfast.Setting {
	var out []holdfast.Setting
	root := map[int]bool{}
	for _, s := range c.statements {
		if s.part == "forward-zone" && s.Name == "name" && s.Value == "." {
			root[s.count] = true
		}
	}
	for _, s := range c.statements {
		if s.part == "forward-zone" && root[s.count] && (s.Name == "forward-addr" || s.Name == "forward-host") {
			s.Setting.Name = "forwarder"
			out = append(out, s.Setting)
		}
	}
	return out
}

// unboundValidates says whether Unbound validates below the root: with its
// validator module, an anchor, and nothing that makes it look away.
func unboundValidates(i *holdfast.Installation, c *unboundConf, main string) {
	i.Validates, i.Reason = holdfast.ValidationOn, holdfast.Setting{Name: "module-config", Value: "validator iterator", Place: main}
	if len(i.Anchorings) > 0 {
		i.Reason = i.Anchorings[0].Statement
	} else {
		i.Validates, i.Reason = holdfast.ValidationOff, holdfast.Setting{Name: "trust-anchor", Value: "none", Place: main}
	}
	if modules, ok := c.last("module-config"); ok && !slices.Contains(strings.Fields(modules.Value), "validator") {
		i.Validates, i.Reason = holdfast.ValidationOff, modules
	}
	if permissive, ok := c.last("val-permissive-mode"); ok && permissive.Value == "yes" {
		i.Validates, i.Reason = holdfast.ValidationOff, permissive
	}
	for _, insecure := range c.of("domain-insecure") {
		if insecure.Value == "." {
			i.Validates, i.Reason = holdfast.ValidationOff, insecure
		}
	}
}

// unboundAnchors reads all that Unbound trusts for the root.
func (s *surveyor) unboundAnchors(i *holdfast.Installation, c *unboundConf, unit unit, home string) {
	chroot, _ := c.last("chroot")
	at := func(name string) string {
		if directory, ok := c.last("directory"); ok && !path.IsAbs(name) {
			name = path.Join(directory.Value, name)
		} else if !path.IsAbs(name) {
			name = path.Join(home, name)
		}
		if inner := path.Join(chroot.Value, name); chroot.Value != "" && !strings.HasPrefix(name, strings.TrimSuffix(chroot.Value, "/")+"/") {
			return inner
		}
		return name
	}
	for _, setting := range c.of("auto-trust-anchor-file") {
		a := s.anchoring(holdfast.UpkeepFollow, setting, at(setting.Value), "")
		a.Access = s.access(a.File, unit, "unbound")
		a.Access.Chroot = chroot
		a.Seeds = s.helped(a.File)
		if literal := path.Clean(setting.Value); a.Absent && literal != a.File && s.tree.exists(literal) {
			i.Settings = append(i.Settings, holdfast.Setting{Name: "outside-chroot", Value: literal, Place: chroot.Place})
		}
		i.Anchorings = appendRoot(i.Anchorings, a)
	}
	for _, setting := range c.of("trust-anchor-file") {
		i.Anchorings = appendRoot(i.Anchorings, s.anchoring(s.static(at(setting.Value)), setting, at(setting.Value), anchor.FormRecords))
	}
	for _, setting := range c.of("trusted-keys-file") {
		for _, name := range s.tree.glob(at(setting.Value)) {
			i.Anchorings = append(i.Anchorings, s.bindKeys(setting, name))
		}
	}
	for _, setting := range c.of("trust-anchor") {
		i.Anchorings = appendRoot(i.Anchorings, s.inline(setting, anchor.FormRecords, []byte(setting.Value)))
	}
}

// bindKeys reads a file of keys in BIND's form, as Unbound takes one too.
func (s *surveyor) bindKeys(setting holdfast.Setting, name string) holdfast.Anchoring {
	a := holdfast.Anchoring{Upkeep: s.static(name), Statement: setting, File: name, Point: holdfast.TrustPoint{Zone: holdfast.Root}}
	view := bindView{surveyor: s}
	for _, block := range (&bindConf{tree: s.tree}).file(name, 0) {
		initial, fixed := view.block(block)
		a.Point.Keys = append(append(a.Point.Keys, initial...), fixed...)
	}
	return a
}
