package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/ceremony"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestStretchedPlaysKeepTheirShape: counted in hold-downs, the steps of a play
// stay where they are.
func TestStretchedPlaysKeepTheirShape(t *testing.T) {
	for _, name := range PlayNames() {
		short := mustPlay(t, name)
		long, err := Stretch(short, holdfast.DefaultTimers())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, step := range long.Steps {
			if got, want := step.At.Hours()/24/30, short.Steps[i].At.Seconds()/short.Timers.Add.Seconds(); got-want > 1e-6 || want-got > 1e-6 {
				t.Errorf("%s: step %s at %f hold-downs, want %f", name, step.Name, got, want)
			}
		}
	}
	plain, err := Stretch(mustPlay(t, "plain"), holdfast.DefaultTimers())
	if err != nil {
		t.Fatal(err)
	}
	if plain.Steps[1].At != 24*day || plain.Steps[2].At != 78*day || plain.Length != 264*day || plain.Timers != holdfast.DefaultTimers() {
		t.Errorf("plain begins at %s, switches at %s, ends at %s", plain.Steps[1].At, plain.Steps[2].At, plain.Length)
	}
	ahead, err := Stretch(mustPlay(t, "e12-clock-ahead"), holdfast.DefaultTimers())
	if err != nil || ahead.Steps[2].Acts[0].With != "+60d" || ahead.Steps[3].Acts[0].With != "+0s" {
		t.Errorf("the clock is off by %v (%v), want +60d, then +0s", ahead.Steps[2].Acts, err)
	}
	if short := mustPlay(t, "e12-clock-ahead"); short.Steps[2].Acts[0].With != "+3d" {
		t.Error("stretching a play has changed the play")
	}
	if _, err := Stretch(holdfast.Play{}, holdfast.DefaultTimers()); err == nil {
		t.Error("a play without timers was stretched")
	}
}

const schemas = `keys:
  ksk_current:
    description: Root DNSSEC KSK 2010
    label: Kjqmt7v
    key_tag: 19036
    algorithm: RSASHA256
    rsa_size: 2048
    rsa_exponent: 65537
    valid_from: 2010-07-15T00:00:00+00:00
    ds_sha256: 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5
  ksk_next:
    description: Root DNSSEC KSK 2017
    label: Klajeyz
    key_tag: 20326
    algorithm: RSASHA256
    rsa_size: 2048
    rsa_exponent: 65537
    valid_from: 2017-02-02T00:00:00+00:00
    ds_sha256: E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
ksk_policy:
  max_signature_validity: P21D
  ttl: 172800
schemas:
  pre-publish:
    1: {publish: ksk_current, sign: ksk_current}
    2: {publish: [ksk_current, ksk_next], sign: ksk_current}
    3: {publish: [ksk_current, ksk_next], sign: ksk_current}
  rollover:
    1: {publish: [ksk_current, ksk_next], sign: ksk_current}
    2: {publish: [ksk_current, ksk_next], sign: ksk_next}
  revoke:
    1: {publish: [ksk_current, ksk_next], sign: ksk_next}
    2: {publish: ksk_next, revoke: ksk_current, sign: [ksk_current, ksk_next]}
    3: {publish: ksk_next, sign: ksk_next}
`

// TestSchemasBecomeAPlay: three quarters by the operator's own words, a day a
// second. What is wanted is read off the schemas by hand.
func TestSchemasBecomeAPlay(t *testing.T) {
	plan, err := ceremony.ReadPlan(strings.NewReader(schemas), "ksrsigner.yaml")
	if err != nil {
		t.Fatal(err)
	}
	play, err := FromSchemas(plan, []string{"pre-publish", "rollover", "revoke"}, Pace{Day: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	want := `play schemas-pre-publish-rollover-revoke
title Quarters of the KSK operator: pre-publish, rollover, revoke
about Made from the schemas of ksrsigner.yaml.
clause RFC 5011 section 2.4.1 and section 4.1
timers add 30s remove 30s ttl 2s life 21s query 1s retry 1s

key ksk_current ksk RSASHA256 2048 tag 19036 anchor
key ksk_next ksk RSASHA256 2048 tag 20326
key zsk1 zsk RSASHA256 2048
key zsk2 zsk RSASHA256 2048
key zsk3 zsk RSASHA256 2048

step Q1-pre-publish-1 at 0s publish ksk_current,zsk1 sign ksk_current data zsk1
  text ksk_current, zsk1 published; signed by ksk_current

step Q1-pre-publish-2 at 10s publish ksk_current,ksk_next,zsk1 sign ksk_current data zsk1
  text ksk_current, ksk_next, zsk1 published; signed by ksk_current

step Q1-pre-publish-3 at 20s publish ksk_current,ksk_next,zsk1,zsk2 sign ksk_current data zsk1
  text ksk_current, ksk_next, zsk1, zsk2 published; signed by ksk_current

step Q2-rollover-1 at 1m30s publish ksk_current,ksk_next,zsk2,zsk1 sign ksk_current data zsk2
  text ksk_current, ksk_next, zsk2, zsk1 published; signed by ksk_current

step Q2-rollover-2 at 1m40s publish ksk_current,ksk_next,zsk2,zsk3 sign ksk_next data zsk2
  text ksk_current, ksk_next, zsk2, zsk3 published; signed by ksk_next

step Q3-revoke-1 at 3m publish ksk_current,ksk_next,zsk3,zsk2 sign ksk_next data zsk3
  text ksk_current, ksk_next, zsk3, zsk2 published; signed by ksk_next

step Q3-revoke-2 at 3m10s publish ksk_next,ksk_current,zsk3 sign ksk_current,ksk_next revoke ksk_current data zsk3
  text ksk_next, zsk3 published; ksk_current revoked; signed by ksk_current, ksk_next

step Q3-revoke-3 at 3m20s publish ksk_next,zsk3 sign ksk_next data zsk3
  text ksk_next, zsk3 published; signed by ksk_next

end 4m30s
`
	if got := Print(play); got != want {
		t.Errorf("the play is\n%s\nwant\n%s", got, want)
	}
	set, err := Prepare(play)
	if err != nil || set.Tags["ksk_current"] != 19036 || set.Tags["ksk_next"] != 20326 {
		t.Errorf("tags %v, %v", set.Tags, err)
	}
	for _, bad := range [][]string{nil, {"bewitch"}} {
		if _, err := FromSchemas(plan, bad, Pace{Day: time.Second}); err == nil {
			t.Errorf("schemas %v were played", bad)
		}
	}
	plan.Keys = plan.Keys[:1]
	if _, err := FromSchemas(plan, []string{"rollover"}, Pace{Day: time.Second}); err == nil || !strings.Contains(err.Error(), "no key is called") {
		t.Errorf("a key that is not in the inventory: %v", err)
	}
}

// shared is a file of public data that the project does not carry.
func shared(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Open(filepath.Join("../../../../shared/data", path))
	if err != nil {
		t.Skip("the public data is not here")
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// TestRealResponseBecomesAPlay: the quarter in which the root's key was to
// change at first: slot 1 signed by 19036, the rest by 20326, both published,
// the ZSKs of the neighbours in the first slot and the last.
func TestRealResponseBecomesAPlay(t *testing.T) {
	skr, err := ceremony.Read(shared(t, "skr/skr-root-2018-q1-0-d_to_e.xml"), "skr.xml")
	if err != nil {
		t.Fatal(err)
	}
	play, err := FromResponses([]holdfast.KeySigning{skr}, Pace{Day: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	before := play.Steps[0]
	if len(play.Steps) != 4 || before.Name != "before" || len(before.Publish) != 3 || !slices.Equal(before.Sign, []string{"ksk-19036"}) || play.Length != 96*time.Second || play.Timers.Life != 21*time.Second || play.Timers.TTL != 2*time.Second {
		t.Fatalf("%s", Print(play))
	}
	for i, want := range []struct {
		at         time.Duration
		sign       string
		keys, zsks int
	}{{6 * time.Second, "ksk-19036", 4, 2}, {16 * time.Second, "ksk-20326", 3, 1}, {86 * time.Second, "ksk-20326", 4, 2}} {
		step := play.Steps[i+1]
		if step.At != want.at || !slices.Equal(step.Sign, []string{want.sign}) || len(step.Publish) != want.keys || !slices.Equal(step.Data, play.Steps[0].Data) {
			t.Errorf("step %d: %+v", i, step)
		}
	}
	late, err := FromResponses([]holdfast.KeySigning{skr}, Pace{Day: time.Second, Lead: 40 * day})
	if err != nil || late.Steps[1].At != 6*time.Second || late.Steps[2].At != 56*time.Second || late.Length != 136*time.Second {
		t.Errorf("with a lead of 40 days: %v\n%s", err, Print(late))
	}
	if again, err := Parse(strings.NewReader(Print(play)), "again"); err != nil || Print(again) != Print(play) {
		t.Errorf("%v\n%s", err, Print(play))
	}
	if _, err := FromResponses([]holdfast.KeySigning{skr, skr}, Pace{Day: time.Second}); err == nil {
		t.Error("a quarter was played twice at once")
	}
	skr.Kind = holdfast.KeyRequest
	if _, err := FromResponses([]holdfast.KeySigning{skr}, Pace{Day: time.Second}); err == nil {
		t.Error("a request was played")
	}
}

// TestResponsesAreRefusedOrPlayed: bundles made here, with a key that is revoked
// and one that a signature names and the bundle lacks.
func TestResponsesAreRefusedOrPlayed(t *testing.T) {
	key := func(flags uint16, seed byte) holdfast.BundleKey {
		public := slices.Repeat([]byte{seed}, 32)
		dnskey := wire.DNSKEY{Flags: flags, Protocol: 3, Algorithm: wire.ED25519, PublicKey: public}
		return holdfast.BundleKey{Tag: dnskey.KeyTag(), TTL: 172800, Flags: flags, Protocol: 3, Algorithm: wire.ED25519, Public: public}
	}
	old, revoked, next, zsk := key(257, 1), key(385, 1), key(257, 2), key(256, 3)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	bundle := func(days int, signer uint16, keys ...holdfast.BundleKey) holdfast.KeyBundle {
		return holdfast.KeyBundle{Inception: begin.Add(time.Duration(days) * day), Keys: keys, Signatures: []holdfast.BundleSignature{{Tag: signer}}}
	}
	file := func(bundles ...holdfast.KeyBundle) []holdfast.KeySigning {
		return []holdfast.KeySigning{{Kind: holdfast.KeyResponse, ID: "x", Bundles: bundles}}
	}
	play, err := FromResponses(file(bundle(0, old.Tag, old, next, zsk), bundle(10, revoked.Tag, revoked, next, zsk)), Pace{Day: day})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("ksk-%d", old.Tag)
	if s := play.Steps[2]; !slices.Equal(s.Revoke, []string{name}) || !slices.Equal(s.Sign, []string{name}) || s.At != 11*day || play.Timers.Add != 30*day || !play.Keys[0].Anchor || play.Keys[1].Anchor {
		t.Errorf("%s", Print(play))
	}
	for what, files := range map[string][]holdfast.KeySigning{
		"nothing":        nil,
		"no bundles":     file(),
		"no ZSK":         file(bundle(0, old.Tag, old)),
		"unknown signer": file(bundle(0, 4711, old, zsk)),
		"no data key":    file(bundle(0, old.Tag, old, zsk), bundle(1, old.Tag, old, zsk), bundle(2, old.Tag, old)),
		"same instant":   file(bundle(0, old.Tag, old, zsk), bundle(0, next.Tag, next, zsk)),
	} {
		if _, err := FromResponses(files, Pace{Day: day}); err == nil {
			t.Errorf("%s was played", what)
		}
	}
}
