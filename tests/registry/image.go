package registrytests

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// layers is of how many layers the images of the tests are.
const layers = 4

// layerSize is how long a layer's only file is, in bytes.
const layerSize = 64 * 1024

// image is one in an OCI layout, called v1 there.
type image struct {
	folder string
	// digest is that of its manifest.
	digest string
	// blobs are the digests of its layers.
	blobs []string
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// newImage makes an image that is like no other of the test.
func newImage(t *testing.T) *image {
	t.Helper()
	made := &image{folder: t.TempDir()}
	put := func(media string, blob []byte) descriptor {
		hash := fmt.Sprintf("%x", sha256.Sum256(blob))
		write(t, filepath.Join(made.folder, "blobs/sha256", hash), string(blob))
		return descriptor{MediaType: media, Digest: "sha256:" + hash, Size: len(blob)}
	}
	encode := func(value any) []byte {
		text, err := json.Marshal(value)
		must(t, err)
		return text
	}
	var all []descriptor
	var unpacked []string
	for range layers {
		layer := newLayer(t)
		unpacked = append(unpacked, fmt.Sprintf("sha256:%x", sha256.Sum256(layer)))
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, err := writer.Write(layer)
		must(t, err)
		must(t, writer.Close())
		one := put("application/vnd.oci.image.layer.v1.tar+gzip", packed.Bytes())
		all, made.blobs = append(all, one), append(made.blobs, one.Digest)
	}
	config := put("application/vnd.oci.image.config.v1+json", encode(map[string]any{
		"architecture": "amd64", "os": "linux", "config": struct{}{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": unpacked},
	}))
	manifest := put("application/vnd.oci.image.manifest.v1+json", encode(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": all,
	}))
	made.digest = manifest.Digest
	manifest.Annotations = map[string]string{"org.opencontainers.image.ref.name": "v1"}
	write(t, filepath.Join(made.folder, "index.json"), string(encode(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []descriptor{manifest},
	})))
	write(t, filepath.Join(made.folder, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
	return made
}

// newLayer is an archive of one file of noise.
func newLayer(t *testing.T) []byte {
	t.Helper()
	noise := make([]byte, layerSize)
	for at := range noise {
		noise[at] = byte(rand.Uint32())
	}
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	must(t, writer.WriteHeader(&tar.Header{Name: "noise", Mode: 0o600, Size: layerSize}))
	_, err := writer.Write(noise)
	must(t, err)
	must(t, writer.Close())
	return archive.Bytes()
}
