package machine

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// dnsmasq finds installations of dnsmasq: the system's, that of Pi-hole, and
// the one that NetworkManager starts.
func (s *surveyor) dnsmasq() {
	program, installed := s.tree.first("/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq", "/usr/bin/pihole-FTL")
	unit := s.unit("dnsmasq")
	main, found := s.tree.first("/etc/dnsmasq.conf", "/etc/pihole/dnsmasq.conf", "/usr/local/etc/dnsmasq.conf")
	if option, ok := unit.option("-C", "--conf-file"); ok {
		main, found = option, true
	}
	if _, router := s.tree.first("/etc/config/dhcp"); found || installed || router {
		d := dnsmasqSetup{surveyor: s, i: holdfast.Installation{Software: holdfast.Dnsmasq, Program: program, Configs: []string{}}}
		s.packaged(&d.i, program, main)
		d.i.Account = s.usualAccount(unit, "dnsmasq")
		d.i.Reason = holdfast.Setting{Name: "dnssec", Value: "not set", Place: orElse(main, program)}
		if found {
			d.file(main, 0)
		}
		d.debian()
		d.router()
		d.finish()
	}
	s.networkManager(program)
}

// networkManager finds the dnsmasq that NetworkManager starts with its own
// folder of configuration.
func (s *surveyor) networkManager(program string) {
	for _, name := range append([]string{"/etc/NetworkManager/NetworkManager.conf"}, s.tree.glob("/etc/NetworkManager/conf.d/*.conf")...) {
		text, err := s.tree.read(name)
		if err != nil || !regexp.MustCompile(`(?m)^\s*dns\s*=\s*dnsmasq\s*$`).Match(text) {
			continue
		}
		d := dnsmasqSetup{surveyor: s, i: holdfast.Installation{Software: holdfast.Dnsmasq, Instance: "NetworkManager's", Program: program, Configs: []string{name}}}
		d.i.Reason = holdfast.Setting{Name: "dnssec", Value: "not set", Place: "/etc/NetworkManager/dnsmasq.d"}
		d.folder("/etc/NetworkManager/dnsmasq.d", 0)
		d.finish()
		return
	}
}

type dnsmasqSetup struct {
	*surveyor
	i    holdfast.Installation
	seen map[string]bool
}

func (d *dnsmasqSetup) file(name string, depth int) {
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	if d.seen[name] || depth > maxDepth || len(d.seen) >= maxIncludes {
		return
	}
	d.seen[name] = true
	text, err := d.tree.read(name)
	if err != nil {
		d.unread = append(d.unread, holdfast.Unread{Path: name, Why: err.Error()})
		return
	}
	d.i.Configs = append(d.i.Configs, name)
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(" "+strings.TrimSpace(line), " #")
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		d.setting(holdfast.Setting{Name: strings.TrimSpace(key), Value: strings.TrimSpace(value), Place: fmt.Sprintf("%s:%d", name, number)}, depth)
	}
}

func (d *dnsmasqSetup) setting(s holdfast.Setting, depth int) {
	switch s.Name {
	case "dnssec":
		s.Value = "set"
		d.i.Validates, d.i.Reason = holdfast.ValidationOn, s
	case "proxy-dnssec":
		s.Value = "set"
		d.i.Settings = append(d.i.Settings, s)
	case "trust-anchor":
		d.anchor(s, holdfast.UpkeepStatic)
	case "server":
		if !strings.HasPrefix(s.Value, "/") {
			d.i.Settings = append(d.i.Settings, holdfast.Setting{Name: "forwarder", Value: s.Value, Place: s.Place})
		}
	case "dnssec-no-timecheck":
		s.Value = "set"
		d.i.Settings = append(d.i.Settings, s)
	case "edns-packet-max", "dnssec-timestamp", "dnssec-check-unsigned":
		d.i.Settings = append(d.i.Settings, s)
	case "conf-file":
		for _, name := range d.tree.glob(strings.Trim(s.Value, `"`)) {
			d.file(name, depth+1)
		}
	case "conf-dir":
		d.folder(s.Value, depth+1)
	}
}

// folder reads DIR[,.ext|*.ext...]: without a star an ending is left out, with
// one only those are read (dnsmasq(8), --conf-dir).
func (d *dnsmasqSetup) folder(value string, depth int) {
	parts := strings.Split(value, ",")
	for _, name := range d.tree.list(parts[0]) {
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
			continue
		}
		only, take := false, true
		for _, ending := range parts[1:] {
			if want, star := strings.CutPrefix(ending, "*"); star {
				only, take = true, only && take || strings.HasSuffix(name, want)
			} else if strings.HasSuffix(name, ending) {
				take = false
				break
			}
		}
		if take && !d.tree.stat(path.Join(parts[0], name)).Mode.IsDir() {
			d.file(path.Join(parts[0], name), depth)
		}
	}
}

// anchor takes trust-anchor=ZONE,[class,]TAG,ALGORITHM,TYPE,DIGEST.
func (d *dnsmasqSetup) anchor(s holdfast.Setting, upkeep holdfast.Upkeep) {
	fields := strings.Split(s.Value, ",")
	for n := range fields {
		fields[n] = strings.TrimSpace(fields[n])
	}
	if len(fields) == 6 && slices.Contains([]string{"IN", "CH", "HS"}, fields[1]) {
		fields = slices.Delete(fields, 1, 2)
	}
	if len(fields) == 5 && fields[0] != "." {
		return // of another zone
	}
	text := s.Value
	if len(fields) == 5 {
		text = ". IN DS " + strings.Join(fields[1:], " ")
	}
	a := d.inline(s, anchor.FormRecords, []byte(text))
	a.Upkeep = upkeep
	d.i.Anchorings = append(d.i.Anchorings, a)
}

// dsRecord is how Debian's start script finds DS records in root.ds.
var dsRecord = regexp.MustCompile(`(?m)^([.a-zA-Z0-9]+)(?:\s+[0-9]+)*(?:\s+IN)*\s+DS\s+(.*)$`)

// debian adds what Debian's start script hands over on the command line: the
// folder of configuration, and the DS records of the package dns-root-data.
func (d *dnsmasqSetup) debian() {
	const script = "/usr/share/dnsmasq/init-system-common"
	text, err := d.tree.read(script)
	if err != nil {
		return
	}
	if defaults, err := d.tree.read("/etc/default/dnsmasq"); err == nil {
		if m := regexp.MustCompile(`(?m)^\s*CONFIG_DIR=["']?([^"'\n]+)`).FindSubmatch(defaults); m != nil {
			d.folder(string(m[1]), 0)
		}
	}
	const records = "/usr/share/dns/root.ds"
	ds, err := d.tree.read(records)
	if err != nil || !strings.Contains(string(text), records) {
		return
	}
	for _, m := range dsRecord.FindAllStringSubmatchIndex(string(ds), 100) {
		zone, data := string(ds[m[2]:m[3]]), strings.Fields(string(ds[m[4]:m[5]]))
		line := 1 + strings.Count(string(ds[:m[0]]), "\n")
		d.anchor(holdfast.Setting{Name: "--trust-anchor", Value: zone + "," + strings.Join(data, ","), Place: fmt.Sprintf("%s:%d", records, line)}, holdfast.UpkeepPackage)
	}
}

// router reads OpenWrt's configuration, from which its start script makes
// dnsmasq's.
func (d *dnsmasqSetup) router() {
	const file = "/etc/config/dhcp"
	text, err := d.tree.read(file)
	if err != nil {
		return
	}
	d.i.Configs = append(d.i.Configs, file)
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "option" && fields[1] == "dnssec" && strings.Trim(fields[2], `'"`) == "1" {
			d.i.Validates, d.i.Reason = holdfast.ValidationOn, holdfast.Setting{Name: "option dnssec", Value: "1", Place: fmt.Sprintf("%s:%d", file, number)}
			if name, ok := d.tree.first("/usr/share/dnsmasq/trust-anchors.conf"); ok {
				d.file(name, 0)
			}
		}
	}
}

func (d *dnsmasqSetup) finish() {
	if d.i.Validates == "" {
		d.i.Validates = holdfast.ValidationOff
	}
	if d.i.Anchorings == nil {
		d.i.Anchorings = []holdfast.Anchoring{}
	}
	d.add(d.i)
}
