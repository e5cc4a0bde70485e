package anchor

import (
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"
)

//go:embed icann.pem
var embeddedCAs []byte

// maxSignature bounds a detached signature; the real ones have under 6 kB.
const maxSignature = 32 << 10

// SignerOfIANA is the address of the certificate that signs IANA's file.
const SignerOfIANA = "dnssec@iana.org"

// Faults of a signature that callers tell apart.
var (
	ErrSignature = errors.New("the signature is not of this file")
	ErrUntrusted = errors.New("the signer's certificate comes from no authority that is trusted here")
	ErrExpired   = errors.New("the signer's certificate is not valid at this instant")
	ErrSigner    = errors.New("the signer's certificate is not for this purpose")
)

// Signature is what is to be known of who signed a file.
type Signature struct {
	Signer string    `json:"signer"` // the certificate's common name
	Email  string    `json:"email"`
	CA     string    `json:"ca"`              // common name of the authority that it chains to
	Signed time.Time `json:"signed,omitzero"` // as the signer says
	// From and Until bound the time in which every certificate of the chain is
	// valid: after Until the file cannot be verified any more.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Digest is the file's SHA-256, in hexadecimal.
	Digest string `json:"sha256"`
}

// CAs are the certification authorities that ICANN signs the root's trust
// anchors under.
func CAs() []*x509.Certificate {
	roots, err := ReadCAs(embeddedCAs)
	if err != nil {
		panic(err) // a build with a broken file must not pass its tests
	}
	return roots
}

// ReadCAs reads certificates in PEM.
func ReadCAs(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for len(out) <= 64 {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read certificate %d: %w", len(out)+1, err)
		}
		out = append(out, certificate)
	}
	if len(out) == 0 {
		return nil, errors.New("read certificates: there is none in PEM in it")
	}
	return out, nil
}

// Verify holds a file against its detached CMS signature (RFC 5652) at an
// instant: one signer, with SHA-256 or better, whose certificate is for e-mail
// of that address and chains to one of the roots. The Signature is filled as
// far as it was read, also beside an error, which wraps one of ErrSignature,
// ErrUntrusted, ErrExpired, ErrSigner, or says that the signature is not
// understood.
func Verify(text, signature []byte, roots []*x509.Certificate, email string, at time.Time) (Signature, error) {
	said := Signature{Digest: fmt.Sprintf("%x", sha256.Sum256(text))}
	if len(signature) > maxSignature {
		return said, fmt.Errorf("verify signature: it has more than %d octets", maxSignature)
	}
	if block, _ := pem.Decode(signature); block != nil {
		signature = block.Bytes
	}
	message, err := pkcs7.Parse(signature)
	if err != nil {
		return said, fmt.Errorf("verify signature: it is not a CMS message: %w", err)
	}
	signer, err := theSigner(message)
	if err != nil {
		return said, fmt.Errorf("verify signature: %w", err)
	}
	said.Signer, said.From, said.Until = signer.Subject.CommonName, signer.NotBefore.UTC(), signer.NotAfter.UTC()
	said.Email = strings.Join(addresses(signer), ", ")
	var signed time.Time
	if err := message.UnmarshalSignedAttribute(pkcs7.OIDAttributeSigningTime, &signed); err == nil {
		said.Signed = signed.UTC()
	}
	message.Content = text
	var late *pkcs7.SigningTimeNotValidError
	var other *pkcs7.MessageDigestMismatchError
	switch err := message.Verify(); {
	case errors.As(err, &other):
		return said, fmt.Errorf("verify signature: %w: that has the digest %x", ErrSignature, other.ExpectedDigest)
	case errors.As(err, &late):
		return said, fmt.Errorf("verify signature: %w: it was signed at %s", ErrExpired, said.Signed.Format(time.RFC3339))
	case err != nil:
		return said, fmt.Errorf("verify signature: %w: %w", ErrSignature, err)
	}
	chain, err := chainOf(signer, message.Certificates, roots, at)
	if chain != nil {
		said.CA = chain[len(chain)-1].Subject.CommonName
		said.From, said.Until = validity(chain)
	}
	if err != nil {
		return said, fmt.Errorf("verify signature: %w", err)
	}
	if email != "" && !slices.ContainsFunc(addresses(signer), func(a string) bool { return strings.EqualFold(a, email) }) {
		return said, fmt.Errorf("verify signature: %w: it is of %s, want %s", ErrSigner, said.Email, email)
	}
	return said, nil
}

// theSigner is the certificate of the one signer, if the message is one that we
// would believe at all: signed attributes with the type of the content, and a
// digest that is not broken.
func theSigner(message *pkcs7.PKCS7) (*x509.Certificate, error) {
	if len(message.Signers) != 1 {
		return nil, fmt.Errorf("it has %d signers, want one", len(message.Signers))
	}
	signer := message.GetOnlySigner()
	if signer == nil {
		return nil, errors.New("it does not bring the certificate of its signer")
	}
	digest := message.Signers[0].DigestAlgorithm.Algorithm
	if !digest.Equal(pkcs7.OIDDigestAlgorithmSHA256) && !digest.Equal(pkcs7.OIDDigestAlgorithmSHA384) && !digest.Equal(pkcs7.OIDDigestAlgorithmSHA512) {
		return nil, fmt.Errorf("its digest algorithm %s is not one of SHA-256, SHA-384 and SHA-512", digest)
	}
	// Without the content's type among the signed attributes a signature over
	// attributes could be passed off as one over a file (RFC 5652 section 5.3).
	var kind asn1.ObjectIdentifier
	if err := message.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &kind); err != nil {
		return nil, fmt.Errorf("it has no signed attribute of the content's type (RFC 5652 section 11.1): %w", err)
	}
	if !kind.Equal(pkcs7.OIDData) {
		return nil, fmt.Errorf("it signs content of type %s, want data", kind)
	}
	return signer, nil
}

// chainOf finds the way from the signer to a root, at an instant. Where there is
// one at another instant only, it is answered beside ErrExpired.
func chainOf(signer *x509.Certificate, brought, roots []*x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, root := range roots {
		options.Roots.AddCert(root)
	}
	for _, c := range brought {
		options.Intermediates.AddCert(c)
	}
	chains, err := signer.Verify(options)
	if err != nil {
		// At an instant when the signer itself was valid, is there a chain?
		options.CurrentTime = signer.NotBefore.Add(signer.NotAfter.Sub(signer.NotBefore) / 2)
		if chains, then := signer.Verify(options); then == nil {
			from, until := validity(chains[0])
			return chains[0], fmt.Errorf("%w: the chain is valid from %s to %s", ErrExpired, from.Format(time.RFC3339), until.Format(time.RFC3339))
		}
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if signer.KeyUsage != 0 && signer.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return chains[0], fmt.Errorf("%w: its key is not for signatures", ErrSigner)
	}
	options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	if _, err := signer.Verify(options); err != nil {
		return chains[0], fmt.Errorf("%w: its key is not for e-mail: %w", ErrSigner, err)
	}
	return chains[0], nil
}

// validity is the time in which all certificates are valid.
func validity(chain []*x509.Certificate) (from, until time.Time) {
	for i, c := range chain {
		if i == 0 || c.NotBefore.After(from) {
			from = c.NotBefore.UTC()
		}
		if i == 0 || c.NotAfter.Before(until) {
			until = c.NotAfter.UTC()
		}
	}
	return from, until
}

// addresses are a certificate's e-mail addresses: of the alternative name, and
// of the subject, where older ones have it (PKCS #9).
func addresses(c *x509.Certificate) []string {
	out := slices.Clone(c.EmailAddresses)
	for _, name := range c.Subject.Names {
		if name.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}) {
			if text, ok := name.Value.(string); ok && !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}
