#include "services/provider_proxy/image_message.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>
#include <string>
#include <utility>

namespace prismatic::provider_proxy {
namespace {

using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

// A field whose value is bytes of a known length, without them.
std::string FieldHead(int number, size_t length) {
  constexpr uint32_t kLengthDelimited = 2;
  std::string head;
  {
    StringOutputStream stream(&head);
    CodedOutputStream coded(&stream);
    coded.WriteTag(static_cast<uint32_t>(number) << 3 | kLengthDelimited);
    coded.WriteVarint64(length);
  }
  return head;
}

// What a slice that is on its way keeps alive.
struct Sending {
  std::string text;
  std::shared_ptr<ByteRoom::Entry> room;
};

grpc::Slice SliceOf(std::string text, std::shared_ptr<ByteRoom::Entry> room) {
  auto* sending = new Sending{std::move(text), std::move(room)};
  return grpc::Slice(
      sending->text.data(), sending->text.size(), [](void* sent) { delete static_cast<Sending*>(sent); },
      sending);
}

}  // namespace

grpc::ByteBuffer ImageMessage(v1::GeneratedImage image, std::shared_ptr<ByteRoom::Entry> room) {
  if (!image.has_base64()) {
    v1::GenerateImagesResponse response;
    *response.mutable_image() = std::move(image);
    return SmallMessage(response);
  }
  // The text goes last: in protobuf the order of fields is free.
  std::unique_ptr<std::string> text(image.release_base64());
  std::string rest = image.SerializeAsString();
  std::string text_head = FieldHead(v1::GeneratedImage::kBase64FieldNumber, text->size());
  std::string head =
      FieldHead(v1::GenerateImagesResponse::kImageFieldNumber, rest.size() + text_head.size() + text->size());
  grpc::Slice slices[] = {grpc::Slice(head + rest + text_head), SliceOf(std::move(*text), std::move(room))};
  return grpc::ByteBuffer(slices, 2);
}

grpc::ByteBuffer SmallMessage(const v1::GenerateImagesResponse& response) {
  grpc::Slice slice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace prismatic::provider_proxy
