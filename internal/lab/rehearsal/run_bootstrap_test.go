package rehearsal

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
)

func publisherOf(t *testing.T) *publisher {
	t.Helper()
	set := prepared(t, "e9-bootstrap-mixed")
	p, err := newPublisher(&stage{set: set, job: Job{Folder: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fetched(t *testing.T, p *publisher, path string) string {
	t.Helper()
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/"+path, nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, answer.Code)
	}
	return answer.Body.String()
}

// TestSignatureIsOpenSSLs: another program takes our signature where it should, and
// says why where it should not.
func TestSignatureIsOpenSSLs(t *testing.T) {
	openssl := strangers.Need(t, "openssl")
	p := publisherOf(t)
	for form, want := range map[string]string{
		formOld: "CMS Verification successful", formNew: "CMS Verification successful", formMixed: "CMS Verification successful",
		formUnknown: "unable to get local issuer certificate", formExpired: "certificate has expired",
	} {
		if err := p.publish(form, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		files := map[string]string{"xml": fetched(t, p, resolvers.AnchorsPath), "p7s": fetched(t, p, resolvers.SignaturePath), "ca": string(p.trusted.pem())}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		// smimesign is the purpose of a certificate with EKU emailProtection.
		out, _ := exec.Command(openssl, "cms", "-verify", "-inform", "DER", "-in", filepath.Join(dir, "p7s"), "-content", filepath.Join(dir, "xml"),
			"-CAfile", filepath.Join(dir, "ca"), "-binary", "-purpose", "smimesign", "-out", os.DevNull).CombinedOutput() // what it says is what counts
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: openssl says %q, want %q", form, out, want)
		}
	}
}

// TestFormsOfTrustAnchors: RFC 7958 knows four elements, RFC 9718 two more; a key
// that is gone has an end.
func TestFormsOfTrustAnchors(t *testing.T) {
	p := publisherOf(t)
	for form, keys := range map[string]int{formOld: 0, formMixed: 1, formNew: 2} {
		if err := p.publish(form, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		text := fetched(t, p, resolvers.AnchorsPath)
		if n := strings.Count(text, "<PublicKey>"); n != keys || strings.Count(text, "<Flags>257</Flags>") != keys {
			t.Errorf("%s: %d keys, want %d", form, n, keys)
		}
		if strings.Count(text, "<KeyDigest ") != 2 || strings.Count(text, "validUntil=") != 1 {
			t.Errorf("%s:\n%s", form, text)
		}
	}
	if err := p.publish("rot13", time.Now(), time.Now()); err == nil {
		t.Error("a form that nobody knows was published")
	}
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/elsewhere", nil))
	if answer.Code != http.StatusNotFound {
		t.Errorf("another path: %d", answer.Code)
	}
}

func TestOffsets(t *testing.T) {
	for text, want := range map[string]time.Duration{"+2m": 2 * time.Minute, "-1d": -24 * time.Hour, "+0s": 0} {
		if got, err := parseOffset(text); err != nil || got != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2m", "+", "+x", "*1d"} {
		if _, err := parseOffset(text); err == nil {
			t.Errorf("%q is an offset", text)
		}
	}
}

// TestDamage: each does what it says.
func TestDamage(t *testing.T) {
	for how, want := range map[string]func(text string, err error) bool{
		"half":    func(text string, err error) bool { return text == "0123456789" },
		"empty":   func(text string, err error) bool { return text == "" && err == nil },
		"missing": func(_ string, err error) bool { return os.IsNotExist(err) },
		"garbage": func(text string, err error) bool { return len(text) == 64 && !strings.Contains(text, "0123") },
	} {
		file := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(file, []byte("01234567890123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := damage(file, how); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		text, err := os.ReadFile(file)
		if !want(string(text), err) {
			t.Errorf("%s leaves %q %v", how, text, err)
		}
	}
	if err := damage(os.DevNull, "prayer"); err == nil {
		t.Error("an unknown damage was done")
	}
}
