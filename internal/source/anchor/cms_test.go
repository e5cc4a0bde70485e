package anchor

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/lab/strangers"
)

var dayOfTests = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func published(t testing.TB) (text, signature []byte) {
	t.Helper()
	text, err := os.ReadFile("testdata/root-anchors-2024.xml")
	if err != nil {
		t.Fatal(err)
	}
	signature, err = os.ReadFile("testdata/root-anchors-2025.p7s")
	if err != nil {
		t.Fatal(err)
	}
	return text, signature
}

// TestPublishedSignature verifies IANA's own file and signature, as Debian's
// source package dns-root-data 2025080400 has them, under ICANN's authority.
func TestPublishedSignature(t *testing.T) {
	text, signature := published(t)
	said, err := Verify(text, signature, CAs(), SignerOfIANA, dayOfTests)
	if err != nil {
		t.Fatal(err)
	}
	// The values are those that openssl cms -cmsout -print shows.
	want := Signature{
		Signer: "DNSSEC Trust Anchor Verification", Email: "dnssec@iana.org", CA: "ICANN Root CA",
		Signed: time.Date(2025, 3, 25, 20, 25, 2, 0, time.UTC),
		From:   time.Date(2023, 3, 15, 21, 49, 35, 0, time.UTC),
		Until:  time.Date(2029, 3, 13, 21, 49, 35, 0, time.UTC),
		Digest: "3ccaab38830025ee0a0f6c1f25769427544f81ea2865aa860468f3ef5278b908",
	}
	if said != want {
		t.Errorf("signature %+v\nwant %+v", said, want)
	}
	for name, c := range map[string]struct {
		text []byte
		at   time.Time
		want error
	}{
		"tampered": {bytes.Replace(text, []byte("38696"), []byte("38697"), 1), dayOfTests, ErrSignature},
		"late":     {text, time.Date(2029, 3, 14, 0, 0, 0, 0, time.UTC), ErrExpired},
		"early":    {text, time.Date(2023, 3, 15, 0, 0, 0, 0, time.UTC), ErrExpired},
	} {
		if _, err := Verify(c.text, signature, CAs(), SignerOfIANA, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Verify(text, signature, CAs()[1:], SignerOfIANA, dayOfTests); !errors.Is(err, ErrUntrusted) {
		t.Errorf("under the other authority alone: %v", err)
	}
}

// TestCAs holds the pinned authorities to the fingerprints that are known of
// them from elsewhere.
func TestCAs(t *testing.T) {
	roots := CAs()
	if len(roots) != 2 || roots[0].Subject.CommonName != "ICANN Root CA" || roots[1].Subject.CommonName != "ICANN Root CA v2" {
		t.Fatalf("%d authorities", len(roots))
	}
	for _, root := range roots {
		hash := crypto.SHA256.New()
		hash.Write(root.Raw)
		sum := hash.Sum(nil)
		text := strings.ToUpper(strings.Trim(strings.ReplaceAll(string(hexPairs(sum)), " ", ":"), ":"))
		if !bytes.Contains(embeddedCAs, []byte(text)) {
			t.Errorf("%s has the fingerprint %s, which icann.pem does not name", root.Subject.CommonName, text)
		}
		if err := root.CheckSignatureFrom(root); err != nil {
			t.Errorf("%s: %v", root.Subject.CommonName, err)
		}
	}
}

func hexPairs(b []byte) []byte {
	var out []byte
	for _, octet := range b {
		out = append(out, "0123456789abcdef"[octet>>4], "0123456789abcdef"[octet&15], ' ')
	}
	return out
}

// authority makes certificates for tests.
type authority struct {
	t           *testing.T
	dir         string
	certificate *x509.Certificate
	key         crypto.Signer
	serial      int64
}

func newAuthority(t *testing.T, dir, name string, parent *authority) *authority {
	a := &authority{t: t, dir: dir, serial: 1}
	a.key = newRSA(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	above, by := template, a.key
	if parent != nil {
		above, by = parent.certificate, parent.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, above, a.key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", raw)
	return a
}

func newRSA(t *testing.T) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, file, kind string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signer makes a signer's certificate and key, and names their files.
func (a *authority) signer(name string, key crypto.Signer, change func(c *x509.Certificate)) (certificate, private string) {
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name}, EmailAddresses: []string{SignerOfIANA},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	if change != nil {
		change(template)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, private = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	writePEM(a.t, certificate, "CERTIFICATE", raw)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, private, "PRIVATE KEY", pkcs8)
	return certificate, private
}

// TestSignatures has openssl sign, now by the machine's clock, and, where the rules are the same, verify
// too: what it refuses must not pass here.
func TestSignatures(t *testing.T) {
	openssl := strangers.Need(t, "openssl")
	dir := t.TempDir()
	root := newAuthority(t, dir, "root", nil)
	other := newAuthority(t, dir, "other", nil)
	between := newAuthority(t, dir, "between", root)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	late := func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, -1) }
	text, _ := published(t)
	file := filepath.Join(dir, "anchors.xml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		by     *authority
		key    crypto.Signer
		change func(*x509.Certificate)
		with   []string
		ok     string // what openssl says; "": its rules differ from ours
		want   error  // nil: verified, or any error where says is set
		says   string
	}{
		{"rsa", root, newRSA(t), nil, nil, "yes", nil, ""},
		{"p256", root, curve, nil, nil, "yes", nil, ""},
		{"sha512", root, newRSA(t), nil, []string{"-md", "sha512"}, "yes", nil, ""},
		{"intermediate", between, newRSA(t), nil, []string{"-certfile", filepath.Join(dir, "between.pem")}, "yes", nil, ""},
		{"no-intermediate", between, newRSA(t), nil, nil, "no", ErrUntrusted, ""},
		{"unknown-ca", other, newRSA(t), nil, nil, "no", ErrUntrusted, ""},
		{"expired", root, newRSA(t), late, nil, "no", ErrExpired, ""},
		{"server", root, newRSA(t), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, nil, "no", ErrSigner, ""},
		{"no-signatures", root, newRSA(t), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, nil, "no", ErrSigner, ""},
		{"other-person", root, newRSA(t), func(c *x509.Certificate) { c.EmailAddresses = []string{"mallory@example.com"} }, nil, "", ErrSigner, ""},
		{"old-address", root, newRSA(t), func(c *x509.Certificate) {
			c.EmailAddresses = nil
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: SignerOfIANA}}
		}, nil, "yes", nil, ""},
		{"sha1", root, newRSA(t), nil, []string{"-md", "sha1"}, "", nil, "digest algorithm"},
		{"no-attributes", root, newRSA(t), nil, []string{"-noattr"}, "", nil, "signed attribute"},
		{"no-certificate", root, newRSA(t), nil, []string{"-nocerts"}, "", nil, "does not bring the certificate"},
	} {
		certificate, private := c.by.signer(c.name, c.key, c.change)
		out := filepath.Join(dir, c.name+".p7s")
		args := append([]string{"cms", "-sign", "-binary", "-in", file, "-outform", "DER", "-out", out, "-signer", certificate, "-inkey", private}, c.with...)
		if said, err := exec.Command(openssl, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, said)
		}
		signature, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Verify(text, signature, []*x509.Certificate{root.certificate}, SignerOfIANA, time.Now())
		switch {
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want an error of %q", c.name, err, c.says)
		case c.says == "" && !errors.Is(err, c.want):
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if _, err := Verify(append(text[:len(text):len(text)], ' '), signature, []*x509.Certificate{root.certificate}, SignerOfIANA, time.Now()); err == nil {
			t.Errorf("%s: it verifies for a file with a space more", c.name)
		}
		verify := exec.Command(openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", out, "-content", file, "-CAfile", filepath.Join(dir, "root.pem"), "-purpose", "smimesign", "-out", os.DevNull)
		said, refused := verify.CombinedOutput()
		if c.ok != "" && (c.ok == "yes") != (refused == nil) {
			t.Errorf("%s: openssl says %v\n%s", c.name, refused, said)
		}
	}
}

// TestBadSignatures: what is no CMS message is an error, and nothing worse.
func TestBadSignatures(t *testing.T) {
	text, signature := published(t)
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": signature[:len(signature)/2], "text": []byte("signature"), "huge": make([]byte, 1<<20),
		"no content": {0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02},
	} {
		if _, err := Verify(text, bad, CAs(), SignerOfIANA, dayOfTests); err == nil || errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadCAs([]byte("nothing")); err == nil {
		t.Error("a file without certificates is taken for one with")
	}
}

func FuzzVerify(f *testing.F) {
	text, signature := published(f)
	f.Add(signature)
	roots := CAs()
	f.Fuzz(func(t *testing.T, signature []byte) {
		said, err := Verify(text, signature, roots, SignerOfIANA, dayOfTests)
		if err == nil && said.CA != "ICANN Root CA" {
			t.Errorf("verified: %+v", said)
		}
	})
}
