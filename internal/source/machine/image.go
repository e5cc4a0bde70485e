package machine

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Bounds of an image.
const (
	maxLayers   = 500
	maxDocument = 16 << 20 // octets of one of its JSON documents
)

var errNoImage = errors.New("it is no container image: it has neither manifest.json nor index.json")

// image is a container image as a whole: its layers from the lowest on, and
// the folders that it declares to be volumes.
type image struct {
	config  string // where it says so
	layers  []string
	volumes []string
}

// blobs are the files of an image: within a tar, or of a folder.
type blobs interface {
	Open(name string) (fs.File, error)
}

// readImage finds the layers of an image, as `docker save` or an OCI layout has
// them. Of several images in one file, the first is read.
func readImage(files blobs) (image, error) {
	var manifest []struct {
		Config string   `json:"Config"`
		Layers []string `json:"Layers"`
	}
	if err := document(files, "manifest.json", &manifest); err == nil && len(manifest) > 0 {
		return withVolumes(files, image{config: manifest[0].Config, layers: manifest[0].Layers})
	}
	digest := ""
	var index struct {
		Manifests []descriptor `json:"manifests"`
	}
	if err := document(files, "index.json", &index); err != nil {
		return image{}, errNoImage
	}
	// An index may name indexes: one for each machine type.
	for range 4 {
		if len(index.Manifests) == 0 {
			break
		}
		digest = index.Manifests[0].Digest
		index.Manifests = nil
		if err := document(files, blobName(digest), &index); err != nil {
			return image{}, fmt.Errorf("read image: %w", err)
		}
	}
	var oci struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	if err := document(files, blobName(digest), &oci); err != nil {
		return image{}, fmt.Errorf("read image: %w", err)
	}
	out := image{config: blobName(oci.Config.Digest)}
	for _, layer := range oci.Layers {
		out.layers = append(out.layers, blobName(layer.Digest))
	}
	return withVolumes(files, out)
}

type descriptor struct {
	Digest string `json:"digest"`
}

// blobName is where an OCI layout keeps a blob; for what is no digest a name
// that no file has.
func blobName(digest string) string {
	kind, value, ok := strings.Cut(digest, ":")
	if !ok || strings.ContainsAny(digest, "/\\") {
		return "blobs/none"
	}
	return "blobs/" + kind + "/" + value
}

func withVolumes(files blobs, out image) (image, error) {
	if len(out.layers) == 0 || len(out.layers) > maxLayers {
		return out, fmt.Errorf("read image: it has %d layers; want 1 to %d", len(out.layers), maxLayers)
	}
	var config struct {
		Config struct {
			Volumes map[string]struct{} `json:"Volumes"`
		} `json:"config"`
	}
	if err := document(files, out.config, &config); err != nil {
		return out, fmt.Errorf("read image: %w", err)
	}
	out.volumes = slices.Sorted(maps.Keys(config.Config.Volumes))
	return out, nil
}

func document(files blobs, name string, into any) error {
	file, err := files.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, maxDocument)).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tarBlobs is an unpacked tar, whose files are read where they lie.
type tarBlobs struct {
	in    io.ReaderAt
	files map[string]*tarBlob
}

type tarBlob struct {
	header *tar.Header
	offset int64
}

// indexTar finds where the files of a tar lie, without reading them.
func indexTar(in interface {
	io.ReaderAt
	io.ReadSeeker
}) (*tarBlobs, error) {
	out := &tarBlobs{in: in, files: map[string]*tarBlob{}}
	entries := tar.NewReader(in)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
		if len(out.files) >= maxEntries {
			return nil, fmt.Errorf("read archive: more than %d files", maxEntries)
		}
		at, err := in.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
		// docker save of old wrote layers that are alike as links.
		if header.Typeflag == tar.TypeSymlink || header.Typeflag == tar.TypeLink {
			if other := out.files[inside(linked(header))]; other != nil {
				out.files[inside(header.Name)] = other
			}
			continue
		}
		out.files[inside(header.Name)] = &tarBlob{header, at}
	}
}

func linked(h *tar.Header) string {
	if h.Typeflag == tar.TypeLink || strings.HasPrefix(h.Linkname, "/") {
		return h.Linkname
	}
	return h.Name + "/../" + h.Linkname
}

// Open answers a file of the archive.
func (t *tarBlobs) Open(name string) (fs.File, error) {
	blob := t.files[inside(name)]
	if blob == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return openBlob{io.NewSectionReader(t.in, blob.offset, blob.header.Size), blob.header}, nil
}

type openBlob struct {
	*io.SectionReader
	header *tar.Header
}

func (o openBlob) Stat() (fs.FileInfo, error) { return o.header.FileInfo(), nil }
func (o openBlob) Close() error               { return nil }
