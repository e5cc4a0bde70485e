package app

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

var update = flag.Bool("update", false, "write the generated documents anew")

// replay is an outage played again in the lab with a running clock.
type replay struct {
	when, what string // as people remember it
	source     string
	lab        string // statements about the zone "example." and its faults; the clock begins at 2026-08-01T12:00Z
	damage     time.Duration
	harm       string   // who fails from then on
	must       []string // codes that must speak, at warning or above, by ten minutes after the damage
	early      []string // codes that must speak before it
	// clear says that nothing is wrong: nothing may be said above a notice.
	clear bool
}

const days = 24 * time.Hour

// rootOfReplays and zoneOfReplays stand before each replay's own statements.
const rootOfReplays = `clock 2026-08-01T12:00:00Z
seed 7
root
  ns a.root-servers.net. 198.41.0.4
  ns b.root-servers.net. 170.247.170.2
`

const zoneOfReplays = `zone example.
  ns ns1.example. 192.0.2.1 2001:db8:1::1
  ns ns2.example. 198.51.100.2 2001:db8:2::2
`

const delegations = `  record child1 NS ns.child1
  record child1 DS 1 13 2 abababababababababababababababababababababababababababababababab
  record child2 NS ns.child2
  record child2 DS 2 13 2 abababababababababababababababababababababababababababababababab
  record child3 NS ns.child3
  record child3 DS 3 13 2 abababababababababababababababababababababababababababababababab
`

const catalogue1, catalogue9 = "check catalogue, section 1", "check catalogue, section 9"

// replays are the ten broken zones and the named incidents of the check
// catalogue. Where outsiders could not see it coming, early is empty.
var replays = []replay{
	{when: "good", what: "a healthy zone", source: catalogue1, lab: "", damage: 20 * days, harm: "nobody", clear: true},
	{when: "stale, stalenear", what: "one secondary stops transferring; its signatures die while others are fresh", source: catalogue1,
		lab: "  validity 14d resign 7d\nfault ns2.example. freeze example. from +36h\n", damage: 14 * days, harm: "who asks that server",
		must: []string{"SIG-01"}, early: []string{"SIG-02", "CST-01"}},
	{when: "nearexp", what: "NS and denial are signed no more; SOA and DNSKEY stay fresh", source: catalogue1,
		lab: "  validity 14d resign 7d\nfault * no-resign NS,DENIAL example. from +36h\n", damage: 14 * days, harm: "everyone",
		must: []string{"SIG-01"}, early: []string{"SIG-02"}},
	{when: "ksknear", what: "the DNSKEY RRset is signed no more", source: catalogue1,
		lab: "  validity 14d resign 7d\nfault * no-resign DNSKEY example. from +36h\n", damage: 14 * days, harm: "everyone",
		must: []string{"SIG-01"}, early: []string{"SIG-02"}},
	{when: "nsec3bad", what: "the signatures over NSEC3 do not verify", source: catalogue1,
		lab: "  nsec3\nfault * break DENIAL example. from +2d\n", damage: 2 * days, harm: "everyone who asks for what is not there",
		must: []string{"NEG-03"}},
	{when: "soacrypt", what: "the SOA's signature does not verify on one server", source: catalogue1,
		lab: "fault ns2.example. break SOA example. from +2d\n", damage: 2 * days, harm: "who asks that server", must: []string{"SIG-07"}},
	{when: "dsmismatch", what: "the DS matches no key", source: catalogue1,
		lab: "fault * ds-mismatch example. from +2d\n", damage: 2 * days, harm: "everyone", must: []string{"CHN-02"}},
	{when: "nodnskey", what: "the DNSKEY RRset is gone", source: catalogue1,
		lab: "fault * dnskey-missing example. from +2d\n", damage: 2 * days, harm: "everyone", must: []string{"CHN-06"}},
	{when: "nosig", what: "one server has an unsigned copy", source: catalogue1,
		lab: "fault ns2.example. unsigned-copy example. from +2d\n", damage: 2 * days, harm: "who asks that server", must: []string{"CST-04"}},

	{when: "12 Oct 2009", what: ".se: final dots missing in the zone file, then a zone without signatures", source: catalogue9,
		lab: "fault * missing-dots example. from +2d\nfault * unsigned-copy example. from +2d\n", damage: 2 * days, harm: "everyone",
		must: []string{"DEL-04", "CHN-06"}},
	{when: "12 to 14 Jan 2016", what: ".az: only some validators failed: a new algorithm signed before its keys could be known", source: catalogue9,
		lab: "  rollover algorithm-liberal ED25519 at +2d unsafe sign-early\n", damage: 2 * days, harm: "who has the old keys in cache",
		must: []string{"CHN-04"}},
	{when: "6 Oct, 10 Nov, 21 Nov 2016", what: ".smart, .win, .bw: DS and keys did not fit", source: catalogue9,
		lab: "  rollover ksk-doublesig at +2d unsafe ds-wrong\n", damage: 51 * time.Hour, harm: "everyone", must: []string{"CHN-02"}},
	{when: "15 Jun 2018", what: ".my: the key that the DS names vanished, another in its place", source: catalogue9,
		lab: "  rollover ksk-doublesig at +2d unsafe key-first\n", damage: 50 * time.Hour, harm: "everyone", must: []string{"CHN-02", "ROL-01"}},
	{when: "8 Jul 2019", what: ".na: no DNSKEY, no signatures", source: catalogue9,
		lab: "fault * unsigned-copy example. from +2d\n", damage: 2 * days, harm: "everyone", must: []string{"CHN-06"}},
	{when: "Sep 2020", what: ".cx and others: servers refuse, and the zone of the name servers' names is bogus", source: catalogue9,
		lab:    "  ns a.nic.host. 203.0.113.5\nzone host.\n  ns ns1.host. 203.0.113.7\n  ns ns2.host. 203.0.113.8\nzone nic.host.\n  ns a.nic.host. 203.0.113.5\n  ns b.nic.host. 203.0.113.6\nfault 203.0.113.5 refuse example. from +2d\nfault * ds-mismatch nic.host. from +2d\n",
		damage: 2 * days, harm: "who asks those servers", must: []string{"CON-01", "DEL-08"}},
	{when: "4 Feb 2022", what: ".se: wrong signatures for 8,000 delegations, the apex well", source: catalogue9,
		lab: delegations + "fault * children-bad-sigs 100 example. from +2d\n", damage: 2 * days, harm: "who asks for those names", must: []string{"SIG-12"}},
	{when: "7 Mar 2022", what: ".fj: signed with a key that the parent does not know", source: catalogue9,
		lab: "  rollover csk at +2d unsafe key-first\n  csk\n", damage: 50 * time.Hour, harm: "everyone", must: []string{"CHN-02"}},
	{when: "22 Mar 2022", what: ".au: partial fault, 15,000 names (here: half of the delegations)", source: catalogue9,
		lab: delegations + "fault * children-bad-sigs 50 example. from +2d\n", damage: 2 * days, harm: "who asks for those names", must: []string{"SIG-12"}},
	{when: "4 Apr 2023", what: ".mx: signatures do not verify", source: catalogue9,
		lab: "fault * break * example. from +2d\n", damage: 2 * days, harm: "everyone", must: []string{"SIG-07"}},
	{when: "29 May 2023", what: ".nz: the old key removed while caches held the DS", source: catalogue9,
		lab: "  rollover ksk-doublesig at +2d unsafe key-early\n", damage: 51 * time.Hour, harm: "who has the old DS in cache", must: []string{"ROL-01"}},
	{when: "20 Jul 2023", what: ".ve: signatures missing", source: catalogue9,
		lab: "fault * strip SOA,NS example. from +2d\n", damage: 2 * days, harm: "everyone", must: []string{"SIG-09"}},
	{when: "18 Sep 2023", what: ".au: a record signed wrongly, for 47 minutes", source: catalogue9,
		lab: "fault * break SOA example. from +2d\n", damage: 2 * days, harm: "everyone", must: []string{"SIG-07"}},
	{when: "30 Jan 2024", what: ".ru: a new ZSK with the tag of the old, then signatures by it that do not verify", source: catalogue9,
		lab: "  rollover zsk-prepublish at +2d step 4d same-tag\nfault * split-signer 100 example. from +6d\n", damage: 6 * days, harm: "everyone",
		must: []string{"SIG-07"}, early: []string{"CHN-09"}},
	{when: "5 May 2026", what: ".de: three private keys of one tag, one published: signatures valid now and then", source: catalogue9,
		lab: "  alg ED25519; nsec3\nfault * split-signer 66 example. from +2d\n", damage: 2 * days, harm: "most, now and then; NSEC3 too",
		must: []string{"SIG-07", "NEG-03"}},
	{when: "2024 on", what: ".bw: one of the servers dead for weeks, one with an old unsigned copy", source: catalogue9,
		lab:    "  ns ns3.example. 203.0.113.3\nfault ns2.example. unreachable example. from +1d\nfault ns3.example. freeze example. from +1d\nfault ns3.example. unsigned-copy example. from +1d\n",
		damage: 20 * days, harm: "who asks those servers", must: []string{"CON-01", "CST-01", "CST-04"}, early: []string{"CON-01", "CST-04"}},
	{when: "New Year 2012, 14, 15, 19", what: ".kg: the signer forgotten over the holidays", source: catalogue9,
		lab: "  validity 14d resign 2d\nfault * no-resign * example. from +21d\n", damage: 34 * days, harm: "everyone",
		must: []string{"SIG-01"}, early: []string{"SIG-04", "SIG-02"}},
	{when: "9th to 10th, 2020 to 2022", what: ".bn: every month the signatures do not verify", source: catalogue9,
		lab: "fault * break * example. from 2026-08-09T00:00:00Z to 2026-08-10T12:00:00Z\n", damage: 180 * time.Hour, harm: "everyone", must: []string{"SIG-07"}},
}

// said is what one check said over a replay.
type said struct {
	code  string
	first time.Time         // at warning or above
	worst holdfast.Severity // by the end
	early holdfast.Severity // before the damage
}

// play watches the zone from a healthy beginning until ten minutes after the
// damage: twice a day, every hour on the last day, and twice after it, as the
// watch would that looks at zones in trouble every five minutes.
func (r replay) play(t *testing.T) (out []said, damage time.Time) {
	lab := labUnderWatch(t, rootOfReplays+zoneOfReplays+r.lab)
	begin := lab.clock.Now()
	damage = begin.Add(r.damage)
	var looks []time.Time
	for at := begin; at.Before(damage.Add(-days)); at = at.Add(12 * time.Hour) {
		looks = append(looks, at)
	}
	for at := damage.Add(-days); at.Before(damage); at = at.Add(time.Hour) {
		looks = append(looks, at)
	}
	looks = append(looks, damage.Add(5*time.Minute), damage.Add(10*time.Minute))
	for _, at := range looks {
		lab.goTo(at)
		for _, f := range lab.look(t).Findings {
			if f.Severity >= holdfast.SeverityWarning {
				out = hear(out, f, at, at.Before(damage))
			}
		}
	}
	return out, damage
}

func hear(all []said, f holdfast.Finding, at time.Time, early bool) []said {
	i := slices.IndexFunc(all, func(s said) bool { return s.code == f.Code })
	if i < 0 {
		i = len(all)
		all = append(all, said{code: f.Code, first: at})
	}
	all[i].worst = max(all[i].worst, f.Severity)
	if early {
		all[i].early = max(all[i].early, f.Severity)
	}
	return all
}

// TestIncidents plays every outage of the check catalogue again, and holds what
// fires, and how long before the damage, to the page that says so.
func TestIncidents(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "incidents.md")
	written, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	rows := make([]string, len(replays))
	t.Run("replays", func(t *testing.T) {
		for i, r := range replays {
			t.Run(strings.ReplaceAll(r.when, " ", "-"), func(t *testing.T) {
				t.Parallel()
				heard, damage := r.play(t)
				if rows[i] = r.row(heard, damage); !strings.Contains(string(written), rows[i]) {
					// On a machine that is busy enough a question may be lost.
					heard, damage = r.play(t)
					rows[i] = r.row(heard, damage)
				}
				r.hold(t, heard)
			})
		}
	})
	page := incidentsHead + strings.Join(rows, "")
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !t.Failed() && string(written) != page {
		t.Errorf("docs/incidents.md is not what was played; go test ./internal/app -run TestIncidents -update writes it\n%s", page)
	}
}

func (r replay) hold(t *testing.T, heard []said) {
	of := func(code string) said {
		if i := slices.IndexFunc(heard, func(s said) bool { return s.code == code }); i >= 0 {
			return heard[i]
		}
		return said{}
	}
	if r.clear && len(heard) > 0 {
		t.Errorf("nothing is wrong, and yet: %+v", heard)
	}
	for _, code := range r.must {
		if of(code).worst < holdfast.SeverityWarning {
			t.Errorf("%s does not speak; heard: %+v", code, heard)
		}
	}
	for _, code := range r.early {
		if of(code).early < holdfast.SeverityWarning {
			t.Errorf("%s does not speak before the damage; heard: %+v", code, heard)
		}
	}
}

const incidentsHead = "# Outages, played again\n\n" +
	"Each is played in the lab with a running clock and watched from a healthy beginning: twice a day, every hour of the last day, and 5 and 10 minutes after\n" +
	"the damage. The table is written by the run (`go test ./internal/app -run TestIncidents -update`) and held to it by every other. *Damage* is when the\n" +
	"first resolvers fail. *Before it* is what was said by then at warning or above, with its gravest severity and how long ahead it was first said; *ten\n" +
	"minutes after*, what is said then too. What no outsider can see coming has an empty column: nobody can tell a key that will be lost from one that will not.\n\n" +
	"| when | what | damage to | before it | ten minutes after |\n|---|---|---|---|---|\n"

func (r replay) row(heard []said, damage time.Time) string {
	slices.SortStableFunc(heard, func(a, b said) int { return strings.Compare(a.code, b.code) })
	var before, after []string
	for _, s := range heard {
		if s.first.Before(damage) {
			before = append(before, fmt.Sprintf("%s %s, %s ahead", s.code, s.early, span(damage.Sub(s.first))))
		}
		if s.worst > s.early {
			after = append(after, fmt.Sprintf("%s %s", s.code, s.worst))
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", r.when, r.what, r.harm, strings.Join(before, "; "), strings.Join(after, "; "))
}
