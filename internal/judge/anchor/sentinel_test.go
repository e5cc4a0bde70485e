package anchor_test

import (
	"testing"

	"github.com/holdfastdns/holdfast/internal/judge/anchor"
)

// TestClassify holds the table of RFC 8509 section 3 and what was added to it.
func TestClassify(t *testing.T) {
	const ad, y, s, none = anchor.ReplySecure, anchor.ReplyPlain, anchor.ReplyFail, anchor.ReplyNone
	for _, test := range []struct {
		name string
		in   anchor.Sentinel
		want anchor.Class
	}{
		{"new", anchor.Sentinel{Is: ad, Not: s, Bogus: s}, anchor.Vnew},
		{"new through a forwarder that clears AD", anchor.Sentinel{Is: y, Not: s, Bogus: s}, anchor.Vnew},
		{"old", anchor.Sentinel{Is: s, Not: ad, Bogus: s}, anchor.Vold},
		{"indeterminate", anchor.Sentinel{Is: ad, Not: ad, Bogus: s}, anchor.Vind},
		{"no validation", anchor.Sentinel{Is: y, Not: y, Bogus: y}, anchor.NonV},
		{"both fail, bogus too", anchor.Sentinel{Is: s, Not: s, Bogus: s}, anchor.Other},
		{"bogus passes, not-ta fails", anchor.Sentinel{Is: y, Not: s, Bogus: y}, anchor.Other},
		{"broken", anchor.Sentinel{Is: s, Not: s, Bogus: s, Signed: s, Bare: y}, anchor.Broken},
		{"all fail, and with CD too", anchor.Sentinel{Is: s, Not: s, Bogus: s, Signed: s, Bare: s}, anchor.Other},
		{"open", anchor.Sentinel{Is: y, Not: y, Bogus: y, Signed: y, Bare: y, Validates: true}, anchor.FailedOpen},
		{"the same, and nothing known", anchor.Sentinel{Is: y, Not: y, Bogus: y, Signed: y, Bare: y}, anchor.NonV},
		{"silent", anchor.Sentinel{Is: none, Not: none, Bogus: none}, anchor.Silent},
		{"half silent", anchor.Sentinel{Is: ad, Not: none, Bogus: s}, anchor.Other},
	} {
		if got := anchor.Classify(test.in); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if anchor.Classify(test.in).Explain(38696) == "" {
			t.Errorf("%s: no explanation", test.name)
		}
	}
}

// TestSeveral holds the four results of RFC 8509 section 4.3.
func TestSeveral(t *testing.T) {
	const a, s, none = anchor.ReplySecure, anchor.ReplyFail, anchor.ReplyNone
	for _, test := range []struct {
		bogus, not, is anchor.Reply
		want           anchor.Impact
	}{
		{a, a, a, anchor.Unharmed}, {a, s, s, anchor.Unharmed}, {a, s, a, anchor.Unharmed},
		{s, a, a, anchor.Uncertain}, {s, a, s, anchor.Uncertain},
		{s, s, a, anchor.Safe}, {s, s, s, anchor.Harmed},
		{none, s, s, anchor.Uncertain}, {s, none, s, anchor.Uncertain}, {s, s, none, anchor.Uncertain},
	} {
		if got := anchor.Several(test.bogus, test.not, test.is); got != test.want {
			t.Errorf("%s %s %s: got %s, want %s", test.bogus, test.not, test.is, got, test.want)
		}
	}
}
