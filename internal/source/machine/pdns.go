package machine

import (
	"fmt"
	"path"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// pdns finds an installation of PowerDNS Recursor: recursor.conf, from 5.0 on
// also in YAML, and the Lua file that it names.
func (s *surveyor) pdns() {
	unit := s.unit("pdns-recursor", "pdns-recursor@")
	program, installed := s.tree.first("/usr/sbin/pdns_recursor", "/usr/local/sbin/pdns_recursor")
	folder, ok := unit.option("--config-dir")
	if !ok {
		folder = "/etc/powerdns"
	}
	main, found := s.tree.first(folder+"/recursor.yml", folder+"/recursor.conf", "/etc/pdns-recursor/recursor.yml", "/etc/pdns-recursor/recursor.conf", "/usr/local/etc/pdns/recursor.conf")
	if !installed && !found {
		return
	}
	i := holdfast.Installation{Software: holdfast.PowerDNS, Program: program, Configs: []string{}}
	s.packaged(&i, program, main)
	i.Account = s.usualAccount(unit, "pdns")
	p := pdnsSetup{surveyor: s, dnssec: holdfast.Setting{Name: "dnssec", Value: "process", Place: orElse(main, program) + ": its default"}}
	if built := s.carriedBy(program); len(built) > 0 {
		p.ways = []holdfast.Anchoring{{
			Upkeep: holdfast.UpkeepBuiltIn, File: program, Statement: holdfast.Setting{Name: "built-in anchors", Place: program},
			Point: holdfast.TrustPoint{Zone: holdfast.Root, Keys: built},
		}}
	}
	if found {
		p.read(&i, main)
	}
	i.Anchorings = p.ways
	i.Reason = p.dnssec
	switch p.dnssec.Value {
	case "off", "process-no-validate":
		i.Validates = holdfast.ValidationOff
	case "process":
		i.Validates = holdfast.ValidationAsked
	default: // log-fail, validate
		i.Validates = holdfast.ValidationOn
	}
	s.add(i)
}

type pdnsSetup struct {
	*surveyor
	dnssec holdfast.Setting
	ways   []holdfast.Anchoring
	script holdfast.Setting
}

// read reads the configuration, in whichever form it is, and then the Lua file.
func (p *pdnsSetup) read(i *holdfast.Installation, main string) {
	text, err := p.tree.read(main)
	if err != nil {
		p.unread = append(p.unread, holdfast.Unread{Path: main, Why: err.Error()})
		return
	}
	i.Configs = append(i.Configs, main)
	if strings.HasSuffix(main, ".yml") || isYAML(string(text)) {
		p.yaml(i, main, string(text))
	} else {
		p.settings(i, main, string(text), 0)
	}
	if p.script.Value == "" {
		return
	}
	calls, files, err := p.tree.readLua(p.script.Value, 0)
	if err != nil {
		p.unread = append(p.unread, holdfast.Unread{Path: p.script.Value, Why: fmt.Sprintf("named at %s: %v", p.script.Place, err)})
		return
	}
	i.Configs = append(i.Configs, files...)
	p.lua(calls)
}

// isYAML tells the newer form from the older, which has no line that ends in a
// colon.
func isYAML(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			return strings.HasSuffix(line, ":") && !strings.Contains(line, "=")
		}
	}
	return false
}

// settings reads name=value lines and the folder that they include.
func (p *pdnsSetup) settings(i *holdfast.Installation, file, text string, depth int) {
	number, include := 0, ""
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		name = strings.TrimRight(strings.TrimSpace(name), "+")
		s := holdfast.Setting{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value), Place: fmt.Sprintf("%s:%d", file, number)}
		if s.Name == "include-dir" {
			include = s.Value
		}
		p.setting(i, s)
	}
	if include == "" || depth > 0 {
		return
	}
	for _, name := range p.tree.glob(include + "/*.conf") {
		if text, err := p.tree.read(name); err == nil {
			i.Configs = append(i.Configs, name)
			p.settings(i, name, string(text), depth+1)
		}
	}
}

func (p *pdnsSetup) setting(i *holdfast.Installation, s holdfast.Setting) {
	switch s.Name {
	case "dnssec":
		p.dnssec = s
	case "lua-config-file":
		p.script = s
	case "forward-zones", "forward-zones-recurse":
		for part := range strings.SplitSeq(s.Value, ",") {
			zone, to, ok := strings.Cut(strings.TrimSpace(part), "=")
			if ok && strings.TrimLeft(zone, "+") == "." {
				i.Settings = append(i.Settings, holdfast.Setting{Name: "forwarder", Value: to, Place: s.Place})
			}
		}
	case "edns-outgoing-bufsize", "setuid", "chroot":
		i.Settings = append(i.Settings, s)
	}
}

// yaml reads the parts of recursor.yml that decide anchors.
func (p *pdnsSetup) yaml(i *holdfast.Installation, file, text string) {
	var config struct {
		DNSSEC struct {
			Validation   string `yaml:"validation"`
			TrustAnchors []struct {
				Name    string   `yaml:"name"`
				Records []string `yaml:"dsrecords"`
			} `yaml:"trustanchors"`
			File string `yaml:"trustanchorfile"`
		} `yaml:"dnssec"`
		Recursor struct {
			Script   string `yaml:"lua_config_file"`
			Includes string `yaml:"include_dir"`
			Forward  []struct {
				Zone       string   `yaml:"zone"`
				Forwarders []string `yaml:"forwarders"`
			} `yaml:"forward_zones"`
		} `yaml:"recursor"`
	}
	if err := source.ReadYAML(strings.NewReader(text), file, false, &config); err != nil {
		p.unread = append(p.unread, holdfast.Unread{Path: file, Why: err.Error()})
		p.dnssec.Value = ""
		return
	}
	at := func(word string) string { return lineWith(file, text, word) }
	if v := config.DNSSEC.Validation; v != "" {
		p.dnssec = holdfast.Setting{Name: "dnssec.validation", Value: v, Place: at("validation")}
	}
	for _, ta := range config.DNSSEC.TrustAnchors {
		if ta.Name != "." {
			continue
		}
		p.ways = nil
		for _, record := range ta.Records {
			p.ways = append(p.ways, p.inline(holdfast.Setting{Name: "dnssec.trustanchors", Value: record, Place: at(record)}, anchor.FormRecords, []byte(". IN DS "+record)))
		}
	}
	if name := config.DNSSEC.File; name != "" {
		p.ways = []holdfast.Anchoring{p.anchoring(p.static(name), holdfast.Setting{Name: "dnssec.trustanchorfile", Value: name, Place: at("trustanchorfile")}, name, anchor.FormRecords)}
	}
	if name := config.Recursor.Script; name != "" {
		p.script = holdfast.Setting{Name: "recursor.lua_config_file", Value: name, Place: at("lua_config_file")}
	}
	for _, f := range config.Recursor.Forward {
		if f.Zone == "." {
			i.Settings = append(i.Settings, holdfast.Setting{Name: "forwarder", Value: strings.Join(f.Forwarders, " "), Place: at("forward_zones")})
		}
	}
}

// lua takes the calls in their order: a file takes the place of all, addTA
// adds, clearTA removes.
func (p *pdnsSetup) lua(calls []call) {
	for _, c := range calls {
		switch c.name {
		case "readTrustAnchorsFromFile":
			name := c.arg(0)
			if !path.IsAbs(name) {
				name = path.Join("/etc/powerdns", name)
			}
			p.ways = []holdfast.Anchoring{p.anchoring(p.static(name), c.setting(), name, anchor.FormRecords)}
		case "addTA", "addDS":
			if c.arg(0) == "." {
				p.ways = append(p.ways, p.inline(c.setting(), anchor.FormRecords, []byte(". IN DS "+c.arg(1))))
			}
		case "clearTA", "clearDS":
			if c.arg(0) == "." || len(c.args) == 0 {
				p.ways = nil
			}
		case "dofile":
			p.unread = append(p.unread, holdfast.Unread{Path: c.arg(0), Why: "run at " + c.place + ", and could not be read"})
		}
	}
}
