package app

import (
	"fmt"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/tell/authority"
	"github.com/holdfastdns/holdfast/internal/tell/web"
)

// sentinel is the test of root keys as the test bed's pages run it.
func (b *bed) sentinel(runs *authority.Runs) (*web.Sentinel, error) {
	scheme, port, err := b.config.Testbed.names()
	if err != nil {
		return nil, err
	}
	base := b.plan.Base
	out := &web.Sentinel{
		Zone: authority.SentinelZone(base), Insecure: authority.InsecureZone(base), Scheme: scheme, Port: port,
		Name: authority.SentinelName, Judge: judgeSentinel,
		Askers: func(run string) (out []web.SentinelAsker) {
			for _, a := range runs.Askers(run, b.world.Clock.Now()) {
				out = append(out, web.SentinelAsker{Address: a.Address, Names: readable(a.Names), DO: a.DO})
			}
			return out
		},
	}
	calendar, err := b.config.calendar()
	if err != nil {
		return nil, err
	}
	out.Keys, out.Current, out.New = sentinelKeys(calendar)
	for _, s := range authority.Supports() {
		out.Supports = append(out.Supports, web.SentinelSupport{Zone: holdfast.Name(s.Label() + "." + string(base)),
			Algorithm: s.Algorithm, Digest: s.Digest, NSEC3: s.Denial == authority.NSEC3})
	}
	return out, nil
}

// sentinelKeys are the root's keys that have a tag, the latest two of those
// that were ever published chosen: the one in use and the one to come.
func sentinelKeys(c holdfast.Calendar) (keys []web.SentinelKey, current, next uint16) {
	for _, k := range c.Keys {
		if k.Tag == 0 {
			continue
		}
		keys = append(keys, web.SentinelKey{Tag: k.Tag, Name: k.Name})
		if _, published := k.Date(holdfast.RootPublished); published {
			current, next = next, k.Tag
		}
	}
	for i, k := range keys {
		keys[i].Chosen = k.Tag == current || k.Tag == next
	}
	return keys, current, next
}

// readable shortens the labels of RFC 8509 for people.
func readable(labels []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = strings.TrimPrefix(l, "root-key-sentinel-")
	}
	return out
}

// replyOf is a name that loaded, or did not, as an answer to a question. A
// browser does not see AD.
func replyOf(l web.Loading) anchor.Reply {
	switch l {
	case web.Loaded:
		return anchor.ReplyPlain
	case web.Unloaded:
		return anchor.ReplyFail
	}
	return anchor.ReplyNone
}

// judgeSentinel says what the answers of a run mean. Nothing is said where the
// controls do not bear it: a name that does not load may have many reasons.
func judgeSentinel(a web.SentinelAnswers) web.SentinelVerdict {
	nothing := a.Insecure == web.Unloaded && a.Signed == web.Unloaded && a.Bogus == web.Unloaded
	switch {
	case nothing && a.Bare == web.Loaded: // what is not signed fails too: that it is not has to be proven
	case nothing:
		return web.SentinelVerdict{Trouble: nothingLoaded(a.Asked)}
	case a.Insecure == web.Unloaded:
		return web.SentinelVerdict{Trouble: "The unsigned name did not load, and others did, so the answers say nothing of keys: something else is in the way. Run the test again."}
	case a.Insecure == web.Unclear || a.Signed == web.Unclear || a.Bogus == web.Unclear:
		return web.SentinelVerdict{Trouble: "One of the three control names was not tried to its end, so nothing can be told. Run the test again; where it happens again, ask by hand."}
	case a.Signed == web.Unloaded && a.Bogus == web.Loaded:
		return web.SentinelVerdict{Trouble: "The signed name did not load and the bogus one did. No resolver does that: something else is in the way. Run the test again."}
	}
	var out web.SentinelVerdict
	for _, k := range a.Keys {
		class := anchor.Classify(anchor.Sentinel{Is: replyOf(k.Is), Not: replyOf(k.Not), Bogus: replyOf(a.Bogus),
			Signed: replyOf(a.Signed), Bare: replyOf(a.Bare), Validates: a.Validates})
		out.Keys = append(out.Keys, web.SentinelKeyVerdict{Tag: k.Tag, Class: string(class), Badge: badgeOf(class), Means: capital(class.Explain(k.Tag))})
	}
	out.Several, out.Badge = several(a)
	return out
}

// nothingLoaded is what may be behind that no name loaded at all.
func nothingLoaded(asked bool) string {
	begin, besides := "No name loaded, not even the unsigned one.", "a filter, a proxy or HTTPS-only mode"
	if asked {
		begin += " Yet your resolver asked for them, and was answered."
		besides = "a proxy or HTTPS-only mode"
	}
	return begin + " A validating resolver does that whose root keys are stale: then the signed name comes when it is asked for with CD (dig +cd). But " +
		besides + " that keeps your browser from these names looks the same. Ask by hand, and fill in what came with CD."
}

func badgeOf(c anchor.Class) string {
	switch c {
	case anchor.Vnew:
		return "fine"
	case anchor.Vold:
		return "warning"
	case anchor.FailedOpen, anchor.Broken:
		return "critical"
	case anchor.NonV:
		return "insecure"
	}
	return "unknown"
}

func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// several reads the test for several resolvers (RFC 8509 section 4.3): the key
// in use is the first that was asked about, the new one the last.
func several(a web.SentinelAnswers) (text, badge string) {
	if len(a.Keys) < 2 {
		return "This takes two keys to ask about: the one in use and the new one.", "unknown"
	}
	current, next := a.Keys[0], a.Keys[len(a.Keys)-1]
	roll := fmt.Sprintf("a rollover from key %d to key %d", current.Tag, next.Tag)
	switch anchor.Several(replyOf(a.Bogus), replyOf(current.Not), replyOf(next.Is)) {
	case anchor.Unharmed:
		return "One resolver at least does not validate: " + roll + " does no harm", "insecure"
	case anchor.Safe:
		return "One resolver at least trusts the new key: " + roll + " does no harm", "fine"
	case anchor.Harmed:
		return "No resolver trusts the new key, or they do not agree: " + roll + " will make signed names fail", "critical"
	}
	return fmt.Sprintf("Whether %s does harm cannot be told: a resolver answered that it does not trust key %d, as one also does that says nothing of its keys", roll, current.Tag), "unknown"
}
