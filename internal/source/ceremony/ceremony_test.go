package ceremony_test

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
)

const ksr = `<?xml version="1.0"?>
<!-- a request of one bundle -->
<KSR domain="." id="4fe9bb10" serial="7">
  <Request timestamp="2017-10-06T13:00:00Z">
    <RequestPolicy>
      <ZSK>
        <PublishSafety>P10D</PublishSafety><RetireSafety>P10D</RetireSafety>
        <MaxSignatureValidity>P21D</MaxSignatureValidity><MinSignatureValidity>P21D</MinSignatureValidity>
        <MaxValidityOverlap>P12D</MaxValidityOverlap><MinValidityOverlap>P9D</MinValidityOverlap>
        <SignatureAlgorithm algorithm="8"><RSA exponent="65537" size="2048"/></SignatureAlgorithm>
      </ZSK>
    </RequestPolicy>
    <RequestBundle id="b1">
      <Inception>2018-01-01T00:00:00</Inception>
      <Expiration>2018-01-22T02:00:00+02:00</Expiration>
      <Signer keyIdentifier="Klajeyz"/>
      <Key keyIdentifier="z" keyTag="1"><TTL>172800</TTL><Flags>256</Flags><Protocol>3</Protocol><Algorithm>8</Algorithm><PublicKey>AwEA
        AQ==</PublicKey></Key>
      <Signature keyIdentifier="z"><TTL>172800</TTL><TypeCovered>DNSKEY</TypeCovered><Algorithm>8</Algorithm><Labels>0</Labels><OriginalTTL>172800</OriginalTTL><SignatureExpiration>2018-01-22T00:00:00+00:00</SignatureExpiration><SignatureInception>2018-01-01T00:00:00+00:00</SignatureInception><KeyTag>1</KeyTag><SignersName>.</SignersName><SignatureData>AAEC</SignatureData></Signature>
    </RequestBundle>
  </Request>
</KSR>
`

func TestRead(t *testing.T) {
	doc, err := ceremony.Read(strings.NewReader(ksr), "ksr.xml")
	if err != nil {
		t.Fatal(err)
	}
	if doc.Kind != holdfast.KeyRequest || doc.ID != "4fe9bb10" || doc.Serial != 7 || doc.Zone != "." || !doc.Made.Equal(time.Date(2017, 10, 6, 13, 0, 0, 0, time.UTC)) || doc.KSK != nil {
		t.Errorf("header: %+v", doc)
	}
	if p := doc.ZSK; p.PublishSafety != 240*time.Hour || p.MaxOverlap != 288*time.Hour || !slices.Equal(p.Algorithms, []holdfast.SigningPolicyAlgorithm{{Algorithm: 8, Bits: 2048, Exponent: 65537}}) {
		t.Errorf("policy: %+v", p)
	}
	b := doc.Bundles[0]
	if b.ID != "b1" || !b.Expiration.Equal(time.Date(2018, 1, 22, 0, 0, 0, 0, time.UTC)) || b.Expiration.Location() != time.UTC || b.Place != "ksr.xml:13" || !slices.Equal(b.Signers, []string{"Klajeyz"}) {
		t.Errorf("bundle: %+v", b)
	}
	if k := b.Keys[0]; k.Tag != 1 || k.Flags != 256 || k.Algorithm != 8 || !slices.Equal(k.Public, []byte{3, 1, 0, 1}) || k.SEP() || k.Revoked() {
		t.Errorf("key: %+v", k)
	}
	if s := b.Signatures[0]; s.Covered != "DNSKEY" || s.Signer != "." || s.Tag != 1 || !slices.Equal(s.Data, []byte{0, 1, 2}) {
		t.Errorf("signature: %+v", s)
	}
}

// TestReadRefuses: a file that is not what it should be is an error that names
// the file, and the line wherever there is one.
func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"not XML", ksr, "hello", "text where an element should stand"},
		{"nothing", ksr, "", "it ends before its time"},
		{"another document", "<KSR ", "<TrustAnchor ", "line 3: the outermost element is TrustAnchor"},
		{"cut", "</Request>", "", "line"},
		{"cut in an element", ksr[strings.Index(ksr, "<Flags>"):], "", "XML syntax error|unexpected EOF|it ends within"},
		{"no id", `id="4fe9bb10" `, "", "line 3: element KSR has no attribute id"},
		{"serial", `serial="7"`, `serial="-7"`, `attribute serial: "-7" is not a number`},
		{"domain", `domain="."`, `domain="a..b"`, "attribute domain"},
		{"an unknown element", "<TTL>172800</TTL><Flags>", "<Danger/><TTL>172800</TTL><Flags>", "line 17: element Danger has no place in Key"},
		{"an element twice", "<Flags>256</Flags>", "<Flags>256</Flags><Flags>257</Flags>", "element Key has 2 elements Flags"},
		{"an element missing", "<Flags>256</Flags>", "", "element Key has 0 elements Flags"},
		{"a number", "<Flags>256</Flags>", "<Flags>65536</Flags>", `element Flags: "65536" is not a number of 16 bits`},
		{"a TTL with the top bit", "<TTL>172800</TTL><Flags>", "<TTL>2147483648</TTL><Flags>", "is not a number of 31 bits"},
		{"base64", "AAEC", "AA!C", "element SignatureData: not base64"},
		{"an empty key", "AwEA\n        AQ==", "", "element PublicKey: not base64, or nothing"},
		{"an instant", "2018-01-01T00:00:00</Inception>", "tomorrow</Inception>", `"tomorrow" is not an instant`},
		{"a year beyond 32 bits", "2018-01-01T00:00:00</Inception>", "2206-01-01T00:00:00</Inception>", "is outside what a signature can say"},
		{"a duration of months", "P10D</PublishSafety>", "P1M</PublishSafety>", `"P1M" is not a duration`},
		{"text beside elements", `<RequestBundle id="b1">`, `<RequestBundle id="b1">hello`, "holds text beside its elements"},
		{"no bundle", ksr[strings.Index(ksr, "    <RequestBundle"):strings.Index(ksr, "  </Request>")], "", "there is no RequestBundle in it"},
		{"no policy", ksr[strings.Index(ksr, "    <RequestPolicy"):strings.Index(ksr, "    <RequestBundle")], "", "element RequestPolicy is missing"},
		{"a response's policy in a request", "<RequestPolicy>", "<ResponsePolicy>", "line"},
		{"a document type", "<KSR ", `<!DOCTYPE KSR [<!ENTITY a "b">]><KSR `, "a document type has no place"},
		{"an entity", "4fe9bb10", "&a;", "line 3: invalid character entity"},
		{"something behind", "</KSR>", "</KSR><KSR/>", "something follows"},
		{"a signer's name", "<SignersName>.</SignersName>", "<SignersName>a..</SignersName>", "element SignersName"},
		{"a key tag", `keyTag="1"`, `keyTag="x"`, `attribute keyTag "x" is not a key tag`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(ksr, c.old, c.new, 1)
			_, err := ceremony.Read(strings.NewReader(text), "ksr.xml")
			if err == nil {
				t.Fatal("it was read")
			}
			if !strings.Contains(err.Error(), "ksr.xml") {
				t.Errorf("the file is not named: %v", err)
			}
			if !slices.ContainsFunc(strings.Split(c.want, "|"), func(w string) bool { return strings.Contains(err.Error(), w) }) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestReadBounds: what is too large, too deep or too many is refused before it
// costs anything.
func TestReadBounds(t *testing.T) {
	head, rest, _ := strings.Cut(ksr, "    <RequestBundle")
	bundle := "    <RequestBundle" + rest[:strings.Index(rest, "  </Request>")]
	for name, text := range map[string]string{
		"many bundles": head + strings.Repeat(bundle, 200) + "  </Request></KSR>",
		"many keys":    strings.Replace(ksr, "<Signer keyIdentifier=\"Klajeyz\"/>", strings.Repeat("<Signer/>", 20000), 1),
		"deep":         strings.Replace(ksr, "<Signer keyIdentifier=\"Klajeyz\"/>", strings.Repeat("<Signer>", 1000), 1),
		"long text":    strings.Replace(ksr, "AAEC", strings.Repeat("AAEC", 10000), 1),
		"large":        head + "<!--" + strings.Repeat("x", 5<<20) + "-->" + bundle + "  </Request></KSR>",
	} {
		begin := time.Now()
		if _, err := ceremony.Read(strings.NewReader(text), "x"); err == nil {
			t.Errorf("%s: it was read", name)
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
	}
}

// TestReadReal reads a real request and response of the first quarter of 2018,
// where they are at hand.
func TestReadReal(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/data/skr/*.xml")
	if len(files) == 0 {
		t.Skip("../shared/data/skr is not here")
	}
	for _, f := range files {
		in, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := ceremony.Read(in, f)
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Bundles) != 9 || doc.ID != "4fe9bb10-6f6b-4503-8575-7824e2d66925" || doc.ZSK == nil || (doc.KSK != nil) != (doc.Kind == holdfast.KeyResponse) {
			t.Errorf("%s: %d bundles, id %s", f, len(doc.Bundles), doc.ID)
		}
	}
}

func TestReadDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"P21D": 21 * day, "PT0S": 0, "P2W": 14 * day, "P1DT2H3M4S": day + 2*time.Hour + 3*time.Minute + 4*time.Second, "PT36H": 36 * time.Hour,
	} {
		if got, err := ceremony.ReadDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "P", "PT", "21D", "P1Y", "P1M", "P-1D", "P1.5D", "P1D2W", "PT1D", "P1H", "P99999999999999999999D", "P2000000000D", "P1DT", "P1D ", "p1d"} {
		if got, err := ceremony.ReadDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

const plan = `
hsm: {softhsm: {module: /usr/lib/softhsm.so, pin: 123456}}
keys:
  ksk_current: {label: Kjqmt7v, key_tag: 19036, algorithm: RSASHA256, rsa_size: 2048, rsa_exponent: 65537,
    valid_from: 2010-07-15T00:00:00+00:00, valid_until: 2019-01-11T00:00:00+00:00, ds_sha256: 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5}
  ksk_next: {label: Klajeyz, key_tag: 20326, algorithm: ECDSAP256SHA256, valid_from: 2017-02-02T00:00:00+00:00}
ksk_policy: {publish_safety: PT0S, retire_safety: P28D, max_validity_overlap: P16D, ttl: 172800}
schemas:
  revoke:
    1:
      publish:
        - ksk_current
        - ksk_next
      sign: ksk_next
    2: {publish: ksk_next, revoke: ksk_current, sign: [ksk_current, ksk_next]}
`

func TestReadPlan(t *testing.T) {
	p, err := ceremony.ReadPlan(strings.NewReader(plan), "ksrsigner.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Keys) != 2 || p.Keys[0].Name != "ksk_current" || p.Keys[0].Tag != 19036 || len(p.Keys[0].DS) != 32 || p.Keys[1].Algorithm != 13 || !p.Keys[1].Until.IsZero() {
		t.Errorf("keys: %+v", p.Keys)
	}
	if p.Policy.RetireSafety != 28*24*time.Hour || p.TTL != 172800 {
		t.Errorf("policy: %+v", p.Policy)
	}
	schema, ok := p.Schema("revoke")
	if !ok || len(schema.Slots) != 2 {
		t.Fatalf("schemas: %+v", p.Schemas)
	}
	if got := fmt.Sprint(schema.Slots); got != "[{[ksk_current ksk_next] [ksk_next] []} {[ksk_next] [ksk_current ksk_next] [ksk_current]}]" {
		t.Errorf("slots: %s", got)
	}
}

func TestReadPlanRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"no schema", plan[strings.Index(plan, "schemas:"):], "", "it has no schemas"},
		{"a gap", "    2: {", "    3: {", "schema revoke: it has 2 slots (1, 3), but no slot 2"},
		{"an unknown key", "revoke: ksk_current,", "revoke: ksk_old,", `schema revoke: slot 2: revoke: there is no key "ksk_old"`},
		{"nobody signs", "sign: ksk_next\n", "\n", "slot 1: it wants a key in publish and one in sign"},
		{"a number for a key", "publish: ksk_next,", "publish: 5,", "5 is neither the name of a key nor a list of names"},
		{"an algorithm", "ECDSAP256SHA256", "ROT13", `algorithm "ROT13" is unknown`},
		{"a digest", "49AAC11D", "", "ds_sha256 is not a SHA-256 digest"},
		{"a duration", "P28D", "28 days", `retire_safety: "28 days" is not a duration`},
		{"not YAML", "schemas:", "schemas: [", "ksrsigner.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ceremony.ReadPlan(strings.NewReader(strings.Replace(plan, c.old, c.new, 1)), "ksrsigner.yaml")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "ksrsigner.yaml") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzRead: whatever is handed in ends in a document that has bundles with keys
// and signatures, or in an error that names the file.
func FuzzRead(f *testing.F) {
	f.Add([]byte(ksr))
	f.Add([]byte(strings.ReplaceAll(ksr, "Request", "Response")))
	f.Add([]byte("<KSR/>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := ceremony.Read(strings.NewReader(string(text)), "f.xml")
		if err != nil {
			if !strings.Contains(err.Error(), "f.xml") {
				t.Errorf("the file is not named: %v", err)
			}
			return
		}
		for _, b := range doc.Bundles {
			if len(b.Keys) == 0 || len(b.Signatures) == 0 || b.Place == "" {
				t.Errorf("an empty bundle: %+v", b)
			}
		}
		if len(doc.Bundles) == 0 || doc.ZSK == nil {
			t.Errorf("an empty document: %+v", doc)
		}
	})
}

func FuzzReadPlan(f *testing.F) {
	f.Add([]byte(plan))
	f.Add([]byte("schemas: {a: {1: {publish: x, sign: [x, x]}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ceremony.ReadPlan(strings.NewReader(string(text)), "f.yaml")
		if err != nil {
			return
		}
		for _, s := range p.Schemas {
			for _, slot := range s.Slots {
				if len(slot.Publish) == 0 || len(slot.Sign) == 0 {
					t.Errorf("schema %s has an empty slot", s.Name)
				}
			}
		}
	})
}
