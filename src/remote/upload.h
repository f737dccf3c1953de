/* Import of an image: the file goes up in parts, each continued where the last one ended, then becomes an image. */
#pragma once
#include "remote/transfer.h"

void upload_image(Remote *remote, Frame *request);
