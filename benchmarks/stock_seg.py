"""A plain segmentation-models-pytorch loop on one fold, like its examples, tested on the rest.

    python -m benchmarks.stock_seg FOLD --weights resnet18.pt --out predictions.json

FOLD is a dataset folder with train and test. U-Net with a ResNet-18 encoder from ImageNet, images stretched to
a square, flips and quarter turns, Dice and cross-entropy, Adam with a cosine, last epoch; types by argmax.
"""

import argparse
import random
from pathlib import Path

import cv2
import numpy as np
import segmentation_models_pytorch as smp
import torch
from torch import nn

from datasets.coco import Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.images.pixels import read_rgb
from datasets.masks.edges import component_to_rle
from datasets.masks.find_components import components
from datasets.masks.rle import decode
from training.negatives import choose_negatives

IMGSZ, EPOCHS, BATCH, LR, DEPTH = 256, 40, 8, 1e-3, 4
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Pair = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Train, predict and write COCO results with the image ids of FOLD."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fold", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--negatives", default="0.5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args()
    fold = load_dataset(given.fold)
    torch.manual_seed(given.seed)
    random.seed(given.seed)
    model = new_model(len(fold.categories), given.weights)
    train(model, training_pairs(fold, given.negatives, given.seed), given.epochs)
    write_predictions(given.out, predict(model, fold))


def new_model(types: int, weights: Path) -> nn.Module:
    """The U-Net with the encoder weights of the file."""
    model = smp.Unet("resnet18", encoder_weights=None, encoder_depth=DEPTH,
                     decoder_channels=(256, 128, 64, 32), classes=1 + types)  # fmt: skip
    model.encoder.load_state_dict(torch.load(weights, map_location="cpu"), strict=False)
    return model


def training_pairs(fold: Dataset, negatives: str, seed: int) -> list[Pair]:
    """RGB and index mask of each chosen training image, at the input size of the network."""
    coco = fold.split("train")
    annotations = coco.by_image()
    index = {category.id: k for k, category in enumerate(fold.categories, 1)}
    pairs = []
    for image in choose_negatives(coco, negatives, seed):
        mask = np.zeros((image.height, image.width), np.uint8)
        for a in annotations[image.id]:
            mask[decode(a.segmentation, image.height, image.width) > 0] = index[a.category_id]
        rgb = cv2.resize(read_rgb(fold.image_path(image)), (IMGSZ, IMGSZ), interpolation=cv2.INTER_AREA)
        pairs.append((rgb, cv2.resize(mask, (IMGSZ, IMGSZ), interpolation=cv2.INTER_NEAREST)))
    return pairs


def train(model: nn.Module, pairs: list[Pair], epochs: int) -> None:
    """The loop."""
    optimizer = torch.optim.Adam(model.parameters(), LR)
    steps = epochs * -(-len(pairs) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    dice = smp.losses.DiceLoss("multiclass")
    cross = nn.CrossEntropyLoss()
    model.train()
    for epoch in range(epochs):
        random.shuffle(pairs)
        losses = []
        for start in range(0, len(pairs), BATCH):
            turned = [turn(*pair) for pair in pairs[start : start + BATCH]]
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(to_batch([rgb for rgb, _ in turned])).float()
            target = torch.from_numpy(np.stack([mask for _, mask in turned])).long()
            loss = dice(logits, target) + cross(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.4f}", flush=True)


def turn(rgb: np.ndarray, mask: np.ndarray) -> Pair:
    """One of the eight flips and quarter turns, chosen at random."""
    k, flip = random.randrange(4), random.random() < 0.5
    rgb, mask = np.rot90(rgb, k), np.rot90(mask, k)
    return (rgb[:, ::-1].copy(), mask[:, ::-1].copy()) if flip else (rgb.copy(), mask.copy())


def to_batch(images: list[np.ndarray]) -> torch.Tensor:
    """N x 3 x S x S, normalised like the ImageNet images of the encoder."""
    scaled = (np.stack(images).astype(np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(scaled.astype(np.float32).transpose(0, 3, 1, 2))


@torch.inference_mode()
def predict(model: nn.Module, fold: Dataset) -> list[Prediction]:
    """A prediction for each component of each type, scored by its mean share; at original size."""
    model.eval()
    found = []
    for image in fold.split("test").images:
        rgb = cv2.resize(read_rgb(fold.image_path(image)), (IMGSZ, IMGSZ), interpolation=cv2.INTER_AREA)
        shares = model(to_batch([rgb])).softmax(1)[0].numpy()
        shares = np.stack([cv2.resize(s, (image.width, image.height), interpolation=cv2.INTER_LINEAR)
                           for s in shares])  # fmt: skip
        kinds = shares.argmax(0)
        for k, category in enumerate(fold.categories, 1):
            for c in components(kinds == k):
                x, y, w, h = c.box
                score = float(shares[k, y : y + h, x : x + w][c.pixels].mean())
                rle = component_to_rle(c, image.height, image.width)
                found.append(Prediction(image.id, category.id, c.box, score, rle))
    return found


if __name__ == "__main__":
    main()
