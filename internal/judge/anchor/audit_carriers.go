package anchor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// The rules of groups H and I, and what could not be read.

// newAuthority is the one of ICANN's certification authorities that came second,
// in 2025.
const newAuthority = "ICANN Root CA v2"

func recoveryStale(a *auditing) []remark {
	var out []remark
	for _, r := range a.machine.Recovery {
		if len(r.Built) == 0 {
			continue
		}
		for _, k := range a.needed() {
			if _, has := withTag(r.Built, k.Tag); !has {
				out = append(out, remark{
					text:     fmt.Sprintf("%s begins with %s, and lacks %d: it has to fetch root-anchors.xml before what it gives out is of use", r.Name, tagsOf(r.Built), k.Tag),
					evidence: evidence(r.Path), mend: "install a newer package, or give it the anchors of a file: " + dsLine(k) + compare,
				})
			}
		}
	}
	return out
}

func recoveryAuthority(a *auditing) []remark {
	var out []remark
	for _, r := range a.machine.Recovery {
		if len(r.CAs) > 0 && !slices.Contains(r.CAs, newAuthority) {
			out = append(out, remark{
				text:     fmt.Sprintf("%s knows %s and not %s: a trust anchor file signed under that one is refused", r.Name, strings.Join(r.CAs, " and "), newAuthority),
				evidence: evidence(r.Path), mend: "install a newer package, or give it both certificates (unbound-anchor -c)",
			})
		}
	}
	return out
}

func helperOff(a *auditing) []remark {
	var out []remark
	for _, r := range a.machine.Recovery {
		for _, s := range r.Settings {
			if s.Name == "ROOT_TRUST_ANCHOR_UPDATE" && slices.Contains([]string{"false", "no", "0"}, s.Value) {
				out = append(out, remark{
					text:     fmt.Sprintf("%s is %s: newer anchors of the package do not come to the resolver", s.Name, s.Value),
					evidence: evidence(s.Place), mend: "at " + place(s.Place) + " write ROOT_TRUST_ANCHOR_UPDATE=true",
				})
			}
		}
	}
	return out
}

func bootstrapRefuses(a *auditing) []remark {
	var out []remark
	for _, r := range a.machine.Recovery {
		for _, s := range r.Settings {
			if s.Name == "elements" {
				out = append(out, remark{
					text:     fmt.Sprintf("%s wants %s elements in each KeyDigest and stops at a file that has PublicKey and Flags too, as RFC 9718 allows", r.Name, s.Value),
					evidence: evidence(s.Place), mend: "do not rely on the bootstrap: give it a file of anchors (trust_anchors.add_file)",
				})
			}
		}
	}
	return out
}

func signerExpired(a *auditing) []remark {
	var out []remark
	for _, r := range a.machine.Recovery {
		if !r.Expires.IsZero() && !a.at.Before(r.Expires) {
			out = append(out, remark{
				text:     fmt.Sprintf("%s rests on a certificate that expired on %s: what verifies it by today's date refuses it", r.Name, day(r.Expires)),
				evidence: evidence(r.Path), mend: "fetch root-anchors.xml and root-anchors.p7s anew, or install a newer package", until: r.Expires,
			})
		}
	}
	return out
}

// carried are the tags of the root keys that a file carries rightly.
func carried(c holdfast.Carrier) []uint16 {
	var out []uint16
	for _, k := range c.Carried {
		if k.Form != holdfast.CarriesWrong && !slices.Contains(out, k.Tag) {
			out = append(out, k.Tag)
		}
	}
	slices.Sort(out)
	return out
}

// onlyGone says whether a file carries root keys, and all of them are revoked.
func (a *auditing) onlyGone(c holdfast.Carrier) bool {
	has := carried(c)
	return len(has) > 0 && !slices.ContainsFunc(has, func(tag uint16) bool {
		return !slices.ContainsFunc(a.gone, func(k holdfast.RootKey) bool { return k.Tag == tag })
	})
}

func carriesOld(a *auditing) []remark {
	var out []remark
	for _, c := range a.machine.Carriers {
		if len(carried(c)) == 0 || a.onlyGone(c) || a.readAsAnchors(c.Path) || a.recovers(c.Path) {
			continue
		}
		for _, k := range a.needed() {
			if c.Has(k.Tag) {
				continue
			}
			r := remark{
				text:     fmt.Sprintf("it carries %s, and not %d: what rests on it alone fails when that key signs alone", list(carried(c)), k.Tag),
				evidence: evidence(carrierPlace(c)), mend: carrierMend(c, k),
			}
			if c.Program {
				r.weight = weigh(holdfast.SeverityWarning)
			}
			if p, ok := a.runs(c.Path); ok && p.Upkeep != holdfast.UpkeepBuiltIn && len(p.Trusts) > 0 {
				r.text += fmt.Sprintf("; as it is set up, %s trusts %s instead", p.Name(), list(tagsOfTrusts(p)))
				r.weight = nil
			}
			out = append(out, r)
		}
	}
	return out
}

// readAsAnchors says whether a file is the state or anchor file of a resolver
// that was found: then the resolver's own findings speak of it.
func (a *auditing) readAsAnchors(path string) bool {
	return slices.ContainsFunc(a.machine.Resolvers, func(i holdfast.Installation) bool {
		return slices.ContainsFunc(i.Anchorings, func(w holdfast.Anchoring) bool {
			return w.File == path && (w.Upkeep == holdfast.UpkeepFollow || w.Upkeep == holdfast.UpkeepStatic)
		})
	})
}

// runs finds the resolver whose program a file is.
func (a *auditing) runs(path string) (holdfast.Prospect, bool) {
	i := slices.IndexFunc(a.out.Resolvers, func(p holdfast.Prospect) bool { return p.Program != "" && onePlace(p.Program, path) })
	if i < 0 {
		return holdfast.Prospect{}, false
	}
	return a.out.Resolvers[i], true
}

// recovers says whether a file is one of the means to recover, of which other
// rules speak.
func (a *auditing) recovers(path string) bool {
	return slices.ContainsFunc(a.machine.Recovery, func(r holdfast.Recovery) bool { return onePlace(r.Path, path) })
}

// onePlace says whether two paths are one file on a machine on which /usr is
// merged with the root.
func onePlace(a, b string) bool {
	return strings.TrimPrefix(a, "/usr") == strings.TrimPrefix(b, "/usr")
}

func tagsOfTrusts(p holdfast.Prospect) []uint16 {
	var out []uint16
	for _, k := range p.Trusts {
		if !slices.Contains(out, k.Tag) {
			out = append(out, k.Tag)
		}
	}
	slices.Sort(out)
	return out
}

func carrierPlace(c holdfast.Carrier) string {
	if len(c.Carried) > 0 && c.Carried[0].Line > 0 {
		return fmt.Sprintf("%s:%d", c.Path, c.Carried[0].Line)
	}
	return c.Path
}

func carrierMend(c holdfast.Carrier, k holdfast.RootKey) string {
	switch {
	case c.Package != "":
		return "install a newer " + c.Package + ", or see that its resolver does not rest on this file"
	case c.Program:
		return "build it anew with " + dsLine(k)
	}
	return "add " + dsLine(k) + compare
}

func carriesRevoked(a *auditing) []remark {
	var out []remark
	for _, c := range a.machine.Carriers {
		if a.onlyGone(c) {
			out = append(out, remark{
				text:     fmt.Sprintf("it carries %s, which the root has revoked, and no other key", list(carried(c))),
				evidence: evidence(carrierPlace(c)), mend: "renew it, or remove it if nothing reads it any more",
			})
		}
	}
	return out
}

func carriesWrong(a *auditing) []remark {
	var out []remark
	for _, c := range a.machine.Carriers {
		for _, k := range c.Carried {
			if k.Form != holdfast.CarriesWrong {
				continue
			}
			root, _ := a.calendar.Key(k.Tag)
			out = append(out, remark{
				text:     fmt.Sprintf("it has a DS of tag %d with a digest that is not %s's", k.Tag, root.Name),
				evidence: evidence(fmt.Sprintf("%s:%d", c.Path, k.Line)), mend: "write " + dsLine(root) + compare,
			})
		}
	}
	return out
}

// fewUnread is up to how many files that could not be read are named one by one.
const fewUnread = 10

func notRead(a *auditing) []remark {
	var out []remark
	for n, u := range a.machine.Unread {
		if n == fewUnread && len(a.machine.Unread) > fewUnread {
			var rest []string
			for _, other := range a.machine.Unread[n:] {
				rest = append(rest, other.Path)
			}
			return append(out, remark{text: fmt.Sprintf("%d more could not be read", len(rest)), evidence: evidence(rest[:min(len(rest), fewUnread)]...)})
		}
		out = append(out, remark{text: u.Why, evidence: evidence(u.Path)})
	}
	return out
}
