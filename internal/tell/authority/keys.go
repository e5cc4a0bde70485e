package authority

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// KeyFiles are key pairs in a directory, two files for each: ROLE.key with the
// DNSKEY record, and ROLE.private, in the form of BIND's tools. Keys are made
// by Create and by nothing else: a server that made new ones because of a
// mistyped path would be bogus to all the world.
type KeyFiles struct {
	Dir string

	mu   sync.Mutex
	read map[string]*wire.Key // under mu
}

// ErrNoKey says that a role has no key in the directory.
var ErrNoKey = errors.New("there is no such key")

// Create makes the keys of roles that have none yet, and says which it made.
// No file that is there is written to.
func (k *KeyFiles) Create(base holdfast.Name, roles map[string]uint8) (made []string, err error) {
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	for role, algorithm := range roles {
		if _, err := os.Stat(k.path(role, "private")); err == nil {
			continue
		}
		if err := k.make(role, base, algorithm); err != nil {
			return made, fmt.Errorf("make key %s: %w", role, err)
		}
		made = append(made, role)
	}
	return made, nil
}

func (k *KeyFiles) path(role, kind string) string { return filepath.Join(k.Dir, role+"."+kind) }

// make writes the private part last: a pair that a crash left half is made
// again, its public part replaced.
func (k *KeyFiles) make(role string, base holdfast.Name, algorithm uint8) error {
	key, err := wire.GenerateKey(algorithm, wire.FlagZone|wire.FlagSEP, 0, rand.Reader)
	if err != nil {
		return err
	}
	private, err := key.Private()
	if err != nil {
		return err
	}
	public := wire.NewDNSKEY(base, 3600, key.DNSKEY).String() + "\n"
	if err := os.WriteFile(k.path(role, "key"), []byte(public), 0o644); err != nil {
		return err
	}
	temporary := k.path(role, "new")
	if err := os.WriteFile(temporary, []byte(private), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, k.path(role, "private"))
}

// Key reads the key of a role, once. It answers ErrNoKey, wrapped, where there
// is none, and an error where it is of another algorithm.
func (k *KeyFiles) Key(role string, _ holdfast.Name, algorithm uint8) (*wire.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.read[role]; key != nil {
		return key, nil
	}
	key, err := k.load(role)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoKey
	}
	if err == nil && key.DNSKEY.Algorithm != algorithm {
		err = fmt.Errorf("it is of algorithm %d, and not %d", key.DNSKEY.Algorithm, algorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", k.path(role, "private"), err)
	}
	if k.read == nil {
		k.read = map[string]*wire.Key{}
	}
	k.read[role] = key
	return key, nil
}

func (k *KeyFiles) load(role string) (*wire.Key, error) {
	private, err := os.ReadFile(k.path(role, "private"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(k.path(role, "key"))
	if err != nil {
		return nil, err
	}
	record, err := wire.ParseRecord(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, err
	}
	public, err := record.DNSKEY()
	if err != nil {
		return nil, err
	}
	return wire.ReadKey(public, string(private))
}
