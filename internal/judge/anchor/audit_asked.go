package anchor

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// asked is how a resolver fares by what it answered. Which keys it trusts is
// known as far as it has sentinels (RFC 8509) or says so itself; how they are
// kept up is not.
func (a *auditing) asked(samples []holdfast.Sample) holdfast.Prospect {
	server := samples[0].Exchange.Server
	p := holdfast.Prospect{Trusts: []holdfast.TrustedKey{}, Findings: []holdfast.AuditFinding{}, Installation: holdfast.Installation{
		Software: softwareOf(textOf(samples, holdfast.ProbeVersion)), Instance: "at " + server.Address.String(), Version: textOf(samples, holdfast.ProbeVersion),
		Configs: []string{}, Anchorings: []holdfast.Anchoring{}, Validates: holdfast.ValidationOn,
		Reason: holdfast.Setting{Name: "a bogus name", Value: string(replyOf(samples, holdfast.ProbeBogus, "")), Place: server.Address.String()},
	}}
	p.Writes = writes(holdfast.AnswerUnknown, "", "that does not show from outside")
	classes := map[uint16]Class{}
	for _, k := range a.calendar.Keys {
		tag := strconv.Itoa(int(k.Tag))
		if replyOf(samples, holdfast.ProbeIs, tag) == ReplyNone && replyOf(samples, holdfast.ProbeNot, tag) == ReplyNone {
			continue
		}
		classes[k.Tag] = Classify(Sentinel{
			Is: replyOf(samples, holdfast.ProbeIs, tag), Not: replyOf(samples, holdfast.ProbeNot, tag), Bogus: replyOf(samples, holdfast.ProbeBogus, ""),
			Signed: replyOf(samples, holdfast.ProbeSigned, ""), Bare: replyOf(samples, holdfast.ProbeBare, ""),
		})
	}
	said := saidTags(textOf(samples, holdfast.ProbeTrusted))
	for _, k := range a.calendar.Keys {
		if classes[k.Tag] == Vnew || slices.Contains(said, k.Tag) {
			p.Trusts = append(p.Trusts, holdfast.TrustedKey{Tag: k.Tag, Algorithm: k.Algorithm, DS: k.DS, State: holdfast.KeyValid, Place: server.Address.String()})
		}
	}
	a.standing(&p, classes)
	return p
}

// standing draws from the classes how the resolver stands now, and where its
// keys are known how it will.
func (a *auditing) standing(p *holdfast.Prospect, classes map[uint16]Class) {
	has := func(want Class) bool {
		for _, c := range classes {
			if c == want {
				return true
			}
		}
		return false
	}
	switch {
	case len(classes) == 0:
		p.Validates = holdfast.ValidationUnknown
	case has(NonV):
		p.Validates = holdfast.ValidationOff
	case has(Broken):
		p.Fates = []holdfast.AnchorFate{{From: a.at, Standing: holdfast.Bogus, Trusted: []uint16{}, Why: Broken.Explain(0), Clause: "RFC 4035 section 5.5"}}
	case len(p.Trusts) > 0:
		for _, f := range Survive(holdfast.TrustPoint{Zone: holdfast.Root, Keys: p.Trusts}, Updating{}, a.calendar, a.at) {
			p.Fates = append(p.Fates, holdfast.AnchorFate(f))
		}
	}
}

func doesNotSay(a *auditing, p holdfast.Prospect) []remark {
	if len(a.machine.Samples) == 0 || p.Validates == holdfast.ValidationOff || len(p.Trusts) > 0 || len(p.Fates) > 0 {
		return nil
	}
	text := "it did not answer what would show its anchors"
	if p.Validates == holdfast.ValidationOn {
		text = "it validates, and has no sentinels: which keys it trusts cannot be told from outside"
	}
	return []remark{{text: text, evidence: evidence(p.Reason.Place), mend: "look at its machine: holdfast anchors audit / there"}}
}

// replyOf is what came of a probe.
func replyOf(samples []holdfast.Sample, probe holdfast.Probe, key string) Reply {
	for _, s := range samples {
		if s.Probe == probe && s.Key == key {
			return ReadReply(s.Exchange)
		}
	}
	return ReplyNone
}

// textOf is the text that a resolver says of itself.
func textOf(samples []holdfast.Sample, probe holdfast.Probe) string {
	for _, s := range samples {
		if s.Probe != probe || s.Exchange.Outcome != holdfast.Answered {
			continue
		}
		m, err := wire.Parse(s.Exchange.Reply)
		if err != nil || len(m.Answer) == 0 {
			return ""
		}
		var said []string
		for _, r := range m.Answer {
			_, data, _ := strings.Cut(r.String(), "TXT")
			said = append(said, strings.TrimSpace(strings.ReplaceAll(data, `"`, "")))
		}
		return strings.Join(said, " ")
	}
	return ""
}

// saidTags are the numbers in what PowerDNS Recursor says at trustanchor.server.
func saidTags(text string) []uint16 {
	var out []uint16
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.ParseUint(word, 10, 16); err == nil {
			out = append(out, uint16(n))
		}
	}
	return out
}

// softwareOf guesses the software by what it says, for its name only.
func softwareOf(version string) holdfast.Software {
	lower := strings.ToLower(version)
	for _, s := range []holdfast.Software{holdfast.Unbound, holdfast.Knot, holdfast.PowerDNS, holdfast.Dnsmasq, holdfast.BIND} {
		for _, word := range map[holdfast.Software][]string{
			holdfast.Unbound: {"unbound"}, holdfast.Knot: {"knot resolver", "kresd"}, holdfast.PowerDNS: {"powerdns recursor"}, holdfast.Dnsmasq: {"dnsmasq"}, holdfast.BIND: {"bind", "9."},
		}[s] {
			if strings.Contains(lower, word) {
				return s
			}
		}
	}
	return "resolver"
}
