package anchor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// The rules of groups B and C: how anchors are kept up, and whether that can work.

// quiet is a notice where a resolver trusts all that is needed, as far as the
// calendar goes: then only the habit is to mend.
func quiet(p holdfast.Prospect) *holdfast.Severity {
	if _, fails := p.Fails(); fails || len(p.Fates) == 0 {
		return nil
	}
	return weigh(holdfast.SeverityNotice)
}

// ways are the anchorings of a kind that hold a key; none where the resolver
// does not validate, and so rests on no anchor.
func ways(p holdfast.Prospect, upkeep holdfast.Upkeep) []holdfast.Anchoring {
	if p.Validates == holdfast.ValidationOff {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Anchorings), func(w holdfast.Anchoring) bool {
		return w.Upkeep != upkeep || len(held(w)) == 0
	})
}

func staticAnchors(a *auditing, p holdfast.Prospect) []remark {
	return kept(ways(p, holdfast.UpkeepStatic), func(first holdfast.Anchoring, tags string, places []string) remark {
		return remark{
			text:     fmt.Sprintf("it trusts %s by %s, and will until somebody changes that", tags, first.Statement.Name),
			evidence: places, mend: followLine(p, first), weight: quiet(p),
		}
	})
}

// kept gathers the anchorings of one statement and file: a configuration may
// give each key in a line of its own.
func kept(all []holdfast.Anchoring, say func(first holdfast.Anchoring, tags string, places []string) remark) []remark {
	type source struct{ statement, file string }
	var order []source
	by := map[source][]holdfast.Anchoring{}
	for _, way := range all {
		from := source{way.Statement.Name, orElse(way.File, way.Statement.File())}
		if by[from] == nil {
			order = append(order, from)
		}
		by[from] = append(by[from], way)
	}
	var out []remark
	for _, from := range order {
		var keys []holdfast.TrustedKey
		var places []string
		for _, way := range by[from] {
			keys = append(keys, held(way)...)
			places = append(places, way.Statement.Place, way.File)
		}
		first := by[from][0]
		first.File = from.file
		out = append(out, say(first, tagsOf(keys), evidence(places...)))
	}
	return out
}

// followLine is how a resolver is made to follow keys by itself, where it can.
func followLine(p holdfast.Prospect, way holdfast.Anchoring) string {
	at := place(way.Statement.Place)
	switch p.Software {
	case holdfast.Unbound:
		return fmt.Sprintf(`at %s write auto-trust-anchor-file: "/var/lib/unbound/root.key" instead`, at)
	case holdfast.BIND:
		return fmt.Sprintf("at %s write initial-key or initial-ds for static-key or static-ds, or leave the keys out and set dnssec-validation auto;", at)
	case holdfast.Knot:
		return fmt.Sprintf("at %s let trust_anchors.add_file name a file that it may write, without `true` behind it", at)
	}
	return p.Software.Title() + " does not follow RFC 5011: whoever runs it has to change its anchors in time"
}

func validationWithout(a *auditing, p holdfast.Prospect) []remark {
	if !withoutAnchors(p) {
		return nil
	}
	return []remark{{
		text:     fmt.Sprintf("%s is %q, and there is no trust anchor: nothing is validated", p.Reason.Name, p.Reason.Value),
		evidence: evidence(p.Reason.Place), mend: fmt.Sprintf("at %s write dnssec-validation auto;", place(p.Reason.Place)),
	}}
}

// withoutAnchors says whether BIND is told to validate with anchors that its
// configuration is to give, and does not.
func withoutAnchors(p holdfast.Prospect) bool {
	return p.Software == holdfast.BIND && p.Reason.Value == "yes" && !slices.ContainsFunc(p.Anchorings, func(w holdfast.Anchoring) bool { return len(held(w)) > 0 || w.Trouble != "" })
}

func keptByPackage(_ *auditing, p holdfast.Prospect) []remark {
	return kept(ways(p, holdfast.UpkeepPackage), func(first holdfast.Anchoring, tags string, places []string) remark {
		return remark{
			text:     fmt.Sprintf("it trusts %s of %s, which only a newer package renews", tags, first.File),
			evidence: places, mend: "keep the package that brings " + first.File + " up to date, before each step of the root's keys",
		}
	})
}

func builtIn(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range ways(p, holdfast.UpkeepBuiltIn) {
		out = append(out, remark{
			text:     fmt.Sprintf("it trusts %s, compiled into %s: only a newer program changes that", tagsOf(held(way)), orElse(way.File, way.Statement.Place)),
			evidence: evidence(way.Statement.Place, way.File), mend: a.mend(p), weight: quiet(p),
		})
	}
	return out
}

func obsolete(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	instead := map[string]string{
		"managed-keys": "trust-anchors { ... initial-key ... };", "trusted-keys": "trust-anchors { ... static-key ... };",
		"trusted-keys-file": "auto-trust-anchor-file:", "trust_anchors.config": "trust_anchors.add_file",
	}
	for _, way := range p.Anchorings {
		if better, old := instead[way.Statement.Name]; old {
			out = append(out, remark{
				text:     fmt.Sprintf("%s is obsolete: a newer %s may refuse it", way.Statement.Name, p.Software.Title()),
				evidence: evidence(way.Statement.Place), mend: fmt.Sprintf("at %s write %s", place(way.Statement.Place), better),
			})
		}
	}
	return out
}

func twoWays(_ *auditing, p holdfast.Prospect) []remark {
	follow, fixed := ways(p, holdfast.UpkeepFollow), ways(p, holdfast.UpkeepStatic)
	if len(follow) == 0 || len(fixed) == 0 {
		return nil
	}
	return []remark{{
		text:     fmt.Sprintf("%s has static anchors beside those that are followed by %s: what is revoked stays trusted there", said(fixed[0].Statement), said(follow[0].Statement)),
		evidence: evidence(fixed[0].Statement.Place, follow[0].Statement.Place), mend: "remove " + place(fixed[0].Statement.Place),
	}}
}

// said is a setting for people.
func said(s holdfast.Setting) string { return strings.TrimSpace(s.Name + " " + s.Value) }

func tagsOf(keys []holdfast.TrustedKey) string {
	var out []uint16
	for _, k := range keys {
		if k.State.Trusted() && !slices.Contains(out, k.Tag) {
			out = append(out, k.Tag)
		}
	}
	slices.Sort(out)
	return list(out)
}

// following hands each way that follows keys and has to write.
func following(p holdfast.Prospect) []holdfast.Anchoring {
	return slices.DeleteFunc(slices.Clone(p.Anchorings), func(w holdfast.Anchoring) bool {
		return w.Upkeep != holdfast.UpkeepFollow || w.Access == nil
	})
}

func cannotWrite(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range following(p) {
		x := way.Access
		can, known := x.Folder.WritableBy(p.Account)
		switch {
		case !x.Folder.Exists:
			out = append(out, remark{
				text:     "the folder of its state, " + x.Folder.Path + ", is not there",
				evidence: evidence(way.Statement.Place, x.Folder.Path), mend: fmt.Sprintf("install -d -o %s %s", p.Account.User, x.Folder.Path),
			})
		case known && !can:
			out = append(out, remark{
				text:     fmt.Sprintf("%s may not write in %s (mode %04o, owner %d:%d): it writes a new state beside the old one, and renames it", p.Account.User, x.Folder.Path, x.Folder.Mode.Perm(), x.Folder.UID, x.Folder.GID),
				evidence: evidence(x.Folder.Path, x.File.Path, p.Account.Place), mend: fmt.Sprintf("chown %s %s && chmod u+rwx %s", p.Account.User, x.Folder.Path, x.Folder.Path),
			})
		case x.File.Exists && x.File.Mode.IsRegular():
			if read, known := readableBy(x.File, p.Account); known && !read {
				out = append(out, remark{
					text:     fmt.Sprintf("%s may not read its state %s (mode %04o, owner %d:%d)", p.Account.User, x.File.Path, x.File.Mode.Perm(), x.File.UID, x.File.GID),
					evidence: evidence(x.File.Path), mend: fmt.Sprintf("chown %s %s", p.Account.User, x.File.Path),
				})
			}
		}
	}
	return out
}

// readableBy is WritableBy for the bits that let read.
func readableBy(e holdfast.Entry, account holdfast.Account) (readable, known bool) {
	e.Mode >>= 1 // read is the bit above write in each class
	return e.WritableBy(account)
}

func writeDenied(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range following(p) {
		for _, d := range way.Access.Denied {
			out = append(out, remark{
				text:     fmt.Sprintf("it cannot write in %s: %s: %s", way.Access.Folder.Path, d.Name, d.Value),
				evidence: evidence(d.Place, way.Statement.Place), mend: allowLine(d, way.Access.Folder.Path),
			})
		}
	}
	return out
}

func allowLine(d holdfast.Setting, folder string) string {
	switch d.Name {
	case "mount":
		return "mount it for writing, or move the state (" + d.Place + ")"
	case "apparmor":
		return fmt.Sprintf("in /etc/apparmor.d/local/ add: %s/** rw,", folder)
	}
	return fmt.Sprintf("in the [Service] part of a drop-in add: ReadWritePaths=%s", folder)
}

func stateAbsent(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range p.Anchorings {
		if !way.Absent {
			continue
		}
		r := remark{
			text:     fmt.Sprintf("%s is not there: the resolver begins with %s", way.File, tagsOf(way.Seeds)),
			evidence: evidence(way.Statement.Place, way.File), mend: "start it once, and look again", weight: weigh(holdfast.SeverityNotice),
		}
		switch {
		case len(way.Seeds) > 0:
		case a.machine.Kind == holdfast.MachinePackage:
			r.text, r.mend = way.File+" is no part of this package: another brings it, or it is made when the resolver is first started", ""
		default:
			r.text, r.mend, r.weight = fmt.Sprintf("%s is not there, and nothing shows what the resolver would begin with", way.File), a.mend(p), nil
		}
		out = append(out, r)
	}
	return out
}

func stateVolatile(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range following(p) {
		if v := way.Access.Volatile; v != (holdfast.Setting{}) {
			out = append(out, remark{
				text:     fmt.Sprintf("what it writes in %s is lost with the container or at boot (%s: %s): it begins each time with what it was delivered with", way.Access.Folder.Path, v.Name, v.Value),
				evidence: evidence(v.Place, way.Statement.Place), mend: "keep " + way.Access.Folder.Path + " in a volume of its own",
			})
		}
	}
	return out
}

func outsideChroot(_ *auditing, p holdfast.Prospect) []remark {
	s, ok := p.Find("outside-chroot")
	if !ok {
		return nil
	}
	return []remark{{
		text:     fmt.Sprintf("%s lies outside of the folder that it confines itself to: it will not find it", s.Value),
		evidence: evidence(s.Place), mend: "move the file into the chroot, or at " + place(s.Place) + ` write chroot: ""`,
	}}
}
