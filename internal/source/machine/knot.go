package machine

import (
	"fmt"
	"path"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// knot finds an installation of Knot Resolver: kresd.conf in Lua, or from 6.0
// on config.yaml.
func (s *surveyor) knot() {
	unit := s.unit("kresd@", "knot-resolver")
	program, installed := s.tree.first("/usr/sbin/kresd", "/usr/local/sbin/kresd", "/usr/bin/knot-resolver")
	lua, haveLua := s.tree.first("/etc/knot-resolver/kresd.conf", "/usr/local/etc/knot-resolver/kresd.conf", "/etc/kresd/config")
	yaml, haveYAML := s.tree.first("/etc/knot-resolver/config.yaml")
	if !installed && !haveLua && !haveYAML {
		return
	}
	i := holdfast.Installation{Software: holdfast.Knot, Program: program, Configs: []string{}}
	s.packaged(&i, program, lua, yaml)
	i.Account = s.usualAccount(unit, "knot-resolver")
	k := knotSetup{surveyor: s, unit: unit, cwd: "/var/lib/knot-resolver"}
	if folder, ok := unit.find("WorkingDirectory"); ok {
		k.cwd = folder.Value
	}
	k.compiled()
	i.Validates, i.Reason = holdfast.ValidationOn, holdfast.Setting{Name: "trust_anchors", Value: "the default", Place: orElse(lua, program)}
	switch {
	case haveYAML:
		k.yaml(&i, yaml)
	case haveLua:
		k.lua(&i, lua)
	}
	i.Anchorings = k.ways
	if len(i.Anchorings) > 0 && i.Validates == holdfast.ValidationOn {
		i.Reason = i.Anchorings[0].Statement
	}
	s.add(i)
}

type knotSetup struct {
	*surveyor
	unit unit
	cwd  string
	ways []holdfast.Anchoring
}

// compiled is the file of anchors that was set when it was built; its sandbox
// in Lua names it.
func (k *knotSetup) compiled() {
	for _, pattern := range []string{"/usr/lib/*/knot-resolver/sandbox.lua", "/usr/lib/knot-resolver/sandbox.lua", "/usr/lib64/knot-resolver/sandbox.lua", "/usr/local/lib/knot-resolver/sandbox.lua"} {
		for _, name := range k.tree.glob(pattern) {
			calls, _, err := k.tree.readLua(name, maxDepth) // it is run as it is: no dofile in it counts
			if err != nil {
				continue
			}
			for _, c := range calls {
				if c.name == "trust_anchors.add_file" && c.arg(0) != "" {
					k.file(c)
				}
			}
		}
	}
}

// file takes a file of anchors; it takes the place of what there was.
func (k *knotSetup) file(c call) {
	name := c.arg(0)
	if !path.IsAbs(name) {
		name = path.Join(k.cwd, name)
	}
	upkeep := holdfast.UpkeepFollow
	if strings.Contains(c.raw, "true") {
		upkeep = k.static(name)
	}
	a := k.anchoring(upkeep, c.setting(), name, anchor.FormKnot)
	if upkeep == holdfast.UpkeepFollow {
		a.Access = k.access(name, k.unit, "kresd")
	}
	k.ways = []holdfast.Anchoring{a}
}

func (k *knotSetup) lua(i *holdfast.Installation, main string) {
	calls, files, err := k.tree.readLua(main, 0)
	if err != nil {
		k.unread = append(k.unread, holdfast.Unread{Path: main, Why: err.Error()})
		return
	}
	i.Configs = files
	for _, c := range calls {
		switch c.name {
		case "trust_anchors.add_file", "trust_anchors.config":
			k.file(c)
		case "trust_anchors.add":
			k.ways = append(k.ways, k.inline(c.setting(), anchor.FormRecords, []byte(c.arg(0))))
		case "trust_anchors.remove":
			if c.arg(0) == "." {
				k.ways = nil
				i.Validates, i.Reason = holdfast.ValidationOff, c.setting()
			}
		case "trust_anchors.set_insecure":
			for _, zone := range c.args {
				if zone == "." {
					i.Validates, i.Reason = holdfast.ValidationOff, c.setting()
				}
			}
		case "policy.FORWARD", "policy.TLS_FORWARD", "policy.STUB":
			for _, to := range c.args {
				i.Settings = append(i.Settings, holdfast.Setting{Name: "forwarder", Value: to, Place: c.place})
			}
		case "net.bufsize":
			i.Settings = append(i.Settings, holdfast.Setting{Name: "net.bufsize", Value: strings.Trim(c.raw, "() "), Place: c.place})
		case "modules.unload":
			if c.arg(0) == "ta_update" {
				i.Settings = append(i.Settings, c.setting())
				k.frozen()
			}
		}
		if len(k.ways) > 0 && i.Reason.Name == "trust_anchors.remove" {
			i.Validates = holdfast.ValidationOn
		}
	}
}

// frozen says that nothing is followed: the module that does is not loaded.
func (k *knotSetup) frozen() {
	for n := range k.ways {
		if k.ways[n].Upkeep == holdfast.UpkeepFollow {
			k.ways[n].Upkeep, k.ways[n].Access = holdfast.UpkeepStatic, nil
		}
	}
}

// yaml reads the part of config.yaml that decides anchors.
func (k *knotSetup) yaml(i *holdfast.Installation, main string) {
	text, err := k.tree.read(main)
	if err != nil {
		k.unread = append(k.unread, holdfast.Unread{Path: main, Why: err.Error()})
		return
	}
	i.Configs = []string{main}
	var config struct {
		DNSSEC any `yaml:"dnssec"`
	}
	if err := source.ReadYAML(strings.NewReader(string(text)), main, false, &config); err != nil {
		k.unread = append(k.unread, holdfast.Unread{Path: main, Why: err.Error()})
		i.Validates = holdfast.ValidationUnknown
		return
	}
	at := func(word string) string { return lineWith(main, string(text), word) }
	parts, ok := config.DNSSEC.(map[string]any)
	if off, isBool := config.DNSSEC.(bool); isBool && !off || ok && parts["enable"] == false {
		i.Validates, i.Reason = holdfast.ValidationOff, holdfast.Setting{Name: "dnssec", Value: "false", Place: at("dnssec")}
	}
	for _, entry := range listOf(parts["trust-anchors-files"]) {
		file, _ := entry.(map[string]any)
		name := fmt.Sprint(file["file"])
		c := call{name: "trust-anchors-files", args: []string{name}, raw: fmt.Sprint(name, " ", orElse(fmt.Sprint(file["read-only"]), "")), place: at(name)}
		k.file(c)
	}
	for _, entry := range listOf(parts["trust-anchors"]) {
		value := fmt.Sprint(entry)
		k.ways = append(k.ways, k.inline(holdfast.Setting{Name: "trust-anchors", Value: value, Place: at(value)}, anchor.FormRecords, []byte(value)))
	}
	for _, zone := range listOf(parts["negative-trust-anchors"]) {
		if zone == "." {
			i.Validates, i.Reason = holdfast.ValidationOff, holdfast.Setting{Name: "negative-trust-anchors", Value: ".", Place: at("negative-trust-anchors")}
		}
	}
}

func listOf(value any) []any {
	list, _ := value.([]any)
	return list
}

// lineWith is FILE:LINE of the first line that has a word.
func lineWith(file, text, word string) string {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.Contains(line, word) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return fmt.Sprintf("%s:%d", file, number)
		}
	}
	return file
}
